import { subjectPath, subjectReferencesOf } from './compartment.ts';
import { identifiersOf, isFhirId, parseReference } from './identifiers.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { duplicateKey, isArrayAt, propertyOf } from './json-text.ts';
import type { JsonObject } from './json-text.ts';
import type { RecordScan } from './record-scan.ts';
import type { RefusalReason } from './refusals.ts';
import { identifierCardinality, isResourceType } from './resource-types.ts';

export interface InspectContext {
  /** The member's Patient id at the responding payer. */
  readonly memberId: string;
  readonly peerBase: string;
  /** The type that the manifest gives for the file. */
  readonly expectedType?: string;
  /** Id of the imported Patient here; needed where identifiers are resolved. */
  readonly anchorPatientId?: string;
  /** Id here of the one delivered resource with this identifier; absent where nobody knows yet. */
  readonly resolveIdentifier?: (type: string, system: string, value: string) => string | undefined;
}

export interface Refused {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  readonly type?: string;
  readonly originalId?: string;
}

export interface Inspected {
  readonly kind: 'record';
  readonly type: string;
  readonly originalId: string;
  /** As the payer sent them: what conditional references of other lines can name. */
  readonly identifiers: readonly BusinessIdentifier[];
}

const NOT_RECORDS: ReadonlySet<string> = new Set(['OperationOutcome', 'Parameters', 'Bundle']);
const PATIENT_PATH = /(?:^|\/)Patient\/([^/?#|]+)(?:\/_history\/[^/]*)?$/;

/**
 * Reads a line as a record of the member, or says why it is none. `scan`: what `scanRecord` found in the text.
 */
export function readRecord(text: string, scan: RecordScan | undefined, context: InspectContext): Inspected | Refused {
  if (scan === undefined) return { kind: 'refused', reason: isJson(text) ? 'not-an-object' : 'malformed-json' };
  const repeatsKey = duplicateKey(scan.root) !== undefined;
  const resource = repeatsKey ? (JSON.parse(text) as Fields) : fieldsOf(text, scan.root);
  const { resourceType: type, id } = resource;
  if (typeof type !== 'string' || !isResourceType(type)) return { kind: 'refused', reason: 'unknown-type' };
  // First of all: a line about somebody else must not stay, whatever else is wrong with it.
  if (isAboutAnother(type, id, resource, context)) {
    return { kind: 'refused', reason: 'foreign-member', type, ...(typeof id === 'string' && { originalId: id }) };
  }
  if (NOT_RECORDS.has(type)) return { kind: 'refused', reason: 'not-a-record', type };
  if (context.expectedType !== undefined && context.expectedType !== type) {
    return { kind: 'refused', reason: 'wrong-type', type };
  }
  if (id === undefined || id === null || id === '') return { kind: 'refused', reason: 'missing-id', type };
  if (typeof id !== 'string' || !isFhirId(id)) return { kind: 'refused', reason: 'invalid-id', type };
  const reason = unsound(text, scan, repeatsKey, identifierCardinality(type) === 'many');
  if (reason !== undefined) return { kind: 'refused', reason, type, originalId: id };
  return { kind: 'record', type, originalId: id, identifiers: identifiersOf(resource) };
}

/**
 * What is wrong with the root or `meta`: a key that comes twice (JSON.parse takes the last, another reader may take the
 * first: what was checked must be what is stored), or that what the import extends is not what FHIR says.
 */
function unsound(
  text: string,
  { root, meta }: RecordScan,
  repeatsKey: boolean,
  hasIdentifiers: boolean,
): RefusalReason | undefined {
  if (repeatsKey) return 'duplicate-key';
  if (meta === undefined && propertyOf(root, 'meta') !== undefined) return 'invalid-structure';
  if (meta !== undefined && duplicateKey(meta) !== undefined) return 'duplicate-key';
  const isSound =
    isListOrAbsent(text, root, 'extension') &&
    (!hasIdentifiers || isListOrAbsent(text, root, 'identifier')) &&
    (meta === undefined || (isListOrAbsent(text, meta, 'tag') && isListOrAbsent(text, meta, 'extension')));
  return isSound ? undefined : 'invalid-structure';
}

function isListOrAbsent(text: string, object: JsonObject, key: string): boolean {
  const property = propertyOf(object, key);
  return property === undefined || isArrayAt(text, property.valueStart);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // The parser's message quotes the line.
    return false;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** What a record says of itself: its type and ids, and whom it is about. */
function fieldsOf(text: string, root: JsonObject): Fields {
  const type = valueOf(text, root, 'resourceType');
  const path = typeof type === 'string' ? subjectPath(type) : undefined;
  const fields = {
    resourceType: type,
    id: valueOf(text, root, 'id'),
    identifier: valueOf(text, root, 'identifier'),
  };
  if (path === undefined) return fields;
  const dot = path.indexOf('.');
  const subject = dot === -1 ? path : path.slice(0, dot);
  return { ...fields, [subject]: valueOf(text, root, subject) };
}

function valueOf(text: string, object: JsonObject, key: string): unknown {
  const property = propertyOf(object, key);
  return property && JSON.parse(text.slice(property.valueStart, property.valueEnd));
}

function isAboutAnother(type: string, id: unknown, resource: Fields, context: InspectContext): boolean {
  if (type === 'Patient') return id !== context.memberId;
  const verdicts = subjectReferencesOf(resource).map((reference) => isMember(reference, context));
  // The links of a Person are several Patient records of one human being.
  if (type === 'Person') return verdicts.includes(false) && !verdicts.includes(true);
  return verdicts.includes(false);
}

/**
 * Whether a subject reference names the member; undefined where it names no Patient, or nobody can know yet. Strict on
 * purpose: a Patient on another host, or one that the delivered identifiers do not lead to, is not the member.
 */
function isMember(
  reference: string,
  { memberId, anchorPatientId, peerBase, resolveIdentifier }: InspectContext,
): boolean | undefined {
  const [, id] = PATIENT_PATH.exec(reference) ?? [];
  if (id !== undefined) return id === memberId;
  const parsed = parseReference(reference, peerBase);
  if (parsed.kind !== 'conditional' || parsed.type !== 'Patient' || resolveIdentifier === undefined) return undefined;
  const { identifier } = parsed;
  const found = identifier && resolveIdentifier('Patient', identifier.system, identifier.value);
  return found !== undefined && found === anchorPatientId;
}
