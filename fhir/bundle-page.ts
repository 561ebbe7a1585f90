import { ExchangeError } from './errors.ts';
import {
  elementsAt,
  isArrayAt,
  isObjectAt,
  isStringAt,
  objectAt,
  propertyOf,
  rootStart,
  stringAt,
} from './json-text.ts';
import { compactJson } from './json-compact.ts';
import { isRecord } from './parameters.ts';

/** One page of a search or of `$everything`. */
export interface BundlePage {
  /** Records as lines of NDJSON: as they were printed, but for white space between tokens. */
  readonly records: readonly { readonly type: string; readonly line: string }[];
  /** OperationOutcomes among the entries, likewise. */
  readonly outcomes: readonly string[];
  /** As written: absolute, or relative to the page's own URL. */
  readonly next: string | undefined;
  /** When the server made the page. */
  readonly lastUpdated: string | undefined;
}

/**
 * Reads a page; each record keeps its text, digits and unknown fields included.
 * @throws ExchangeError `peer-invalid` when the text is no Bundle, or an entry has no resource
 */
export function readBundlePage(text: string): BundlePage {
  const parsed = parsedBundle(text);
  const entries = propertyOf(objectAt(text, rootStart(text)), 'entry');
  const records: { type: string; line: string }[] = [];
  const outcomes: string[] = [];
  const elements =
    entries !== undefined && isArrayAt(text, entries.valueStart) ? elementsAt(text, entries.valueStart) : [];
  for (const { start } of elements) {
    const resource = isObjectAt(text, start) ? propertyOf(objectAt(text, start), 'resource') : undefined;
    if (resource === undefined || !isObjectAt(text, resource.valueStart)) throw invalid('an entry has no resource');
    const type = propertyOf(objectAt(text, resource.valueStart), 'resourceType');
    if (type === undefined || !isStringAt(text, type.valueStart)) throw invalid('a resource has no type');
    const line = compactJson(text.slice(resource.valueStart, resource.valueEnd));
    const name = stringAt(text, type.valueStart);
    if (name === 'OperationOutcome') outcomes.push(line);
    else records.push({ type: name, line });
  }
  return { records, outcomes, next: nextOf(parsed), lastUpdated: lastUpdatedOf(parsed) };
}

/** The resources of a batch's answer, in the order of its requests; undefined where an entry brought none. */
export function readBatchAnswer(text: string): readonly (string | undefined)[] {
  parsedBundle(text);
  const entries = propertyOf(objectAt(text, rootStart(text)), 'entry');
  if (entries === undefined || !isArrayAt(text, entries.valueStart)) return [];
  return elementsAt(text, entries.valueStart).map(({ start }) => {
    const resource = isObjectAt(text, start) ? propertyOf(objectAt(text, start), 'resource') : undefined;
    return resource === undefined ? undefined : compactJson(text.slice(resource.valueStart, resource.valueEnd));
  });
}

function parsedBundle(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may name the member.
    throw invalid('the answer is no JSON');
  }
  if (isRecord(value) && value['resourceType'] === 'Bundle') return value;
  throw invalid('the answer is no Bundle');
}

const invalid = (detail: string): ExchangeError => new ExchangeError('peer-invalid', { detail });

function nextOf({ link }: Readonly<Record<string, unknown>>): string | undefined {
  const links: unknown[] = Array.isArray(link) ? link : [];
  const next = links.filter(isRecord).find(({ relation }) => relation === 'next')?.['url'];
  return typeof next === 'string' && next !== '' ? next : undefined;
}

function lastUpdatedOf({ meta }: Readonly<Record<string, unknown>>): string | undefined {
  const instant = isRecord(meta) ? meta['lastUpdated'] : undefined;
  return typeof instant === 'string' && !Number.isNaN(Date.parse(instant)) ? instant : undefined;
}
