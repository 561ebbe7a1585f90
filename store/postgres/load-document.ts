import { isFhirId } from '../../fhir/identifiers.ts';
import { jsonErrorOffset, lineOfOffset } from '../../fhir/json-error.ts';
import { duplicateKey, elementsAt, findPropertyAt, isArrayAt, objectAt, rootStart } from '../../fhir/json-text.ts';
import type { RefusalReason } from '../../fhir/refusals.ts';
import { withReferences } from '../../fhir/replace-references.ts';
import { isResourceType } from '../../fhir/resource-types.ts';
import { storedForm } from './write.ts';

export interface LoadedRecord {
  readonly kind: 'record';
  readonly line: number;
  readonly type: string;
  readonly id: string;
  /** As it will be kept. */
  readonly text: string;
  readonly resource: Fields;
}

export interface LoadProblem {
  readonly kind: 'problem';
  readonly line: number;
  readonly reason: RefusalReason;
}

type Fields = Readonly<Record<string, unknown>>;

const NOT_RECORDS: ReadonlySet<string> = new Set(['Bundle', 'OperationOutcome', 'Parameters']);

/** The records of one JSON text that begins at a line of its file: a resource, or a Bundle of them. */
export function* readDocument(text: string, line: number): Generator<LoadedRecord | LoadProblem> {
  const value = parsed(text);
  if (value === undefined) {
    const offset = jsonErrorOffset(text) ?? 0;
    yield { kind: 'problem', line: line + lineOfOffset(text, offset) - 1, reason: 'malformed-json' };
  } else if (isFields(value) && value['resourceType'] === 'Bundle') {
    yield* readBundle(text, line);
  } else {
    yield readRecord(text, value, line);
  }
}

function* readBundle(text: string, line: number): Generator<LoadedRecord | LoadProblem> {
  const list = findPropertyAt(text, rootStart(text), 'entry');
  if (list === undefined || !isArrayAt(text, list.valueStart)) return;
  const entries = elementsAt(text, list.valueStart).flatMap(({ start, end }) => bundleEntry(text, start, end));
  const replacements = new Map<string, string>();
  for (const { fullUrl, resource, id } of entries) {
    const type = resource['resourceType'];
    if (fullUrl !== undefined && id !== undefined && typeof type === 'string')
      replacements.set(fullUrl, `${type}/${id}`);
  }
  for (const { id, start, end } of entries) {
    const record = withReferences(text.slice(start, end), replacements);
    const resource = { ...(JSON.parse(record) as Fields), ...(id !== undefined && { id }) };
    yield readRecord(record, resource, line + lineOfOffset(text, start) - 1);
  }
}

interface BundleEntry {
  readonly fullUrl: string | undefined;
  readonly resource: Fields;
  /** Its own, else the one that its fullUrl gives it. */
  readonly id: string | undefined;
  readonly start: number;
  readonly end: number;
}

function bundleEntry(text: string, start: number, end: number): BundleEntry[] {
  const entry: unknown = JSON.parse(text.slice(start, end));
  if (!isFields(entry) || !isFields(entry['resource'])) return [];
  const place = findPropertyAt(text, start, 'resource');
  if (place === undefined) return [];
  const fullUrl = typeof entry['fullUrl'] === 'string' ? entry['fullUrl'] : undefined;
  const [, uuid] = /^urn:uuid:([0-9a-fA-F-]{36})$/.exec(fullUrl ?? '') ?? [];
  const own = entry['resource']['id'];
  const id = typeof own === 'string' ? own : uuid;
  return [{ fullUrl, resource: entry['resource'], id, start: place.valueStart, end: place.valueEnd }];
}

function readRecord(text: string, resource: unknown, line: number): LoadedRecord | LoadProblem {
  const problem = (reason: RefusalReason): LoadProblem => ({ kind: 'problem', line, reason });
  if (!isFields(resource)) return problem('not-an-object');
  const { resourceType: type, id } = resource;
  if (typeof type !== 'string' || !isResourceType(type)) return problem('unknown-type');
  if (NOT_RECORDS.has(type)) return problem('not-a-record');
  if (id === undefined) return problem('missing-id');
  if (typeof id !== 'string' || !isFhirId(id)) return problem('invalid-id');
  if (duplicateKey(objectAt(text, rootStart(text))) !== undefined) return problem('duplicate-key');
  return { kind: 'record', line, type, id, text: storedForm(text, id), resource };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Where it is wrong is told by the caller, without a word of the text.
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
