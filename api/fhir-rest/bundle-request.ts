import { ExchangeError } from '../../fhir/errors.ts';
import { isFhirId } from '../../fhir/identifiers.ts';
import { elementsAt, findPropertyAt, isArrayAt, isObjectAt, rootStart } from '../../fhir/json-text.ts';
import { REST_TYPES } from './rest-types.ts';

/** One entry of a batch or transaction. */
export interface RequestEntry {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Relative to the base. */
  readonly url: string;
  readonly fullUrl: string | undefined;
  /** The text of the resource as it stands in the Bundle. */
  readonly text: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneExist: string | undefined;
}

export interface RequestBundle {
  readonly type: 'batch' | 'transaction';
  readonly entries: readonly RequestEntry[];
}

export interface EntryTarget {
  readonly type: string;
  readonly id: string | undefined;
  /** Of a conditional update or deletion: the search that says which resource is meant. */
  readonly query: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws ExchangeError `request-invalid` naming the element at fault */
export function readRequestBundle(text: string, baseUrl: string): RequestBundle {
  const bundle = parsed(text);
  const type = bundle?.['resourceType'] === 'Bundle' ? bundle['type'] : undefined;
  if (bundle === undefined || (type !== 'batch' && type !== 'transaction')) {
    throw invalid('Bundle.type', 'The body is a Bundle of type batch or transaction.');
  }
  const entries: readonly unknown[] = Array.isArray(bundle['entry']) ? bundle['entry'] : [];
  const texts = resourceTexts(text);
  return { type, entries: entries.map((entry, index) => readEntry(entry, texts[index], index, baseUrl)) };
}

/** `Type`, `Type/id` or `Type?query`. @throws ExchangeError `request-invalid` where the method does not go there */
export function targetOf({ url, method }: RequestEntry, index: number): EntryTarget {
  const question = url.indexOf('?');
  const query = question === -1 ? undefined : url.slice(question + 1);
  const [type = '', id, ...more] = (question === -1 ? url : url.slice(0, question)).split('/');
  const isTarget = REST_TYPES.has(type) && more.length === 0 && (id === undefined || isFhirId(id));
  const isMethods = method === 'POST' ? (id ?? query) === undefined : (id === undefined) !== (query === undefined);
  if (isTarget && isMethods) return { type, id, query };
  throw invalid(`Bundle.entry[${index}].request.url`, 'POST goes to Type, PUT and DELETE to Type/id or Type?query.');
}

export function invalid(expression: string, diagnostics: string): ExchangeError {
  return new ExchangeError('request-invalid', { expression, diagnostics });
}

function readEntry(value: unknown, text: string | undefined, index: number, baseUrl: string): RequestEntry {
  const at = `Bundle.entry[${index}]`;
  const entry = isRecord(value) ? value : {};
  const request = isRecord(entry['request']) ? entry['request'] : {};
  const { method, url } = request;
  if (method !== 'GET' && method !== 'POST' && method !== 'PUT' && method !== 'DELETE') {
    throw invalid(`${at}.request.method`, 'The method is GET, POST, PUT or DELETE.');
  }
  if (typeof url !== 'string') throw invalid(`${at}.request.url`, 'The url is missing.');
  if ((method === 'POST' || method === 'PUT') !== (text !== undefined)) {
    throw invalid(`${at}.resource`, 'POST and PUT carry a resource, GET and DELETE none.');
  }
  return {
    method,
    url: url.startsWith(`${baseUrl}/`) ? url.slice(baseUrl.length + 1) : url.replace(/^\//, ''),
    text,
    fullUrl: optional(entry['fullUrl']),
    ifMatch: optional(request['ifMatch']),
    ifNoneExist: optional(request['ifNoneExist']),
  };
}

/** The texts of `entry[].resource`, undefined where an entry has none. */
function resourceTexts(text: string): (string | undefined)[] {
  const entries = findPropertyAt(text, rootStart(text), 'entry');
  if (entries === undefined || !isArrayAt(text, entries.valueStart)) return [];
  return elementsAt(text, entries.valueStart).map(({ start }) => {
    const resource = isObjectAt(text, start) ? findPropertyAt(text, start, 'resource') : undefined;
    return resource && text.slice(resource.valueStart, resource.valueEnd);
  });
}

function optional(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    // Not JSON: told by the caller, without a word of the body.
    return undefined;
  }
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
