import { subjectReferencesOf } from './compartment.ts';
import { identifiersOf, isFhirId, parseReference } from './identifiers.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { duplicateKey, isObjectAt, objectAt, propertyOf, rootStart } from './json-text.ts';
import type { JsonObject } from './json-text.ts';
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
  readonly resource: Readonly<Record<string, unknown>>;
}

const NOT_RECORDS: ReadonlySet<string> = new Set(['OperationOutcome', 'Parameters', 'Bundle']);
const PATIENT_PATH = /(?:^|\/)Patient\/([^/?#|]+)(?:\/_history\/[^/]*)?$/;

/**
 * Reads a line as a record of the member, or says why it is none: for a first pass that learns which resources and
 * identifiers are delivered. `transformForImport` checks the same and, inside References, a little more.
 */
export function inspectForImport(text: string, context: InspectContext): Inspected | Refused {
  const record = readRecord(text, context);
  return record.kind === 'refused' ? record : withSoundRoot(text, objectAt(text, rootStart(text)), record);
}

/** The checks that need no positions. */
export function readRecord(text: string, context: InspectContext): Inspected | Refused {
  const resource = parsedObject(text);
  if (typeof resource === 'string') return { kind: 'refused', reason: resource };
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
  return { kind: 'record', type, originalId: id, identifiers: identifiersOf(resource), resource };
}

/**
 * The record, if no key of its root or `meta` comes twice (JSON.parse takes the last, another reader may take the first:
 * what was checked must be what is stored) and what the import extends is what FHIR says.
 */
export function withSoundRoot(text: string, root: JsonObject, record: Inspected): Inspected | Refused {
  const { type, originalId, resource } = record;
  const refuse = (reason: RefusalReason): Refused => ({ kind: 'refused', reason, type, originalId });
  if (duplicateKey(root) !== undefined) return refuse('duplicate-key');
  const meta = propertyOf(root, 'meta');
  if (meta !== undefined) {
    if (!isObjectAt(text, meta.valueStart)) return refuse('invalid-structure');
    if (duplicateKey(objectAt(text, meta.valueStart)) !== undefined) return refuse('duplicate-key');
  }
  const metaValue = isRecord(resource['meta']) ? resource['meta'] : {};
  const lists = [metaValue['tag'], metaValue['extension'], resource['extension']];
  if (identifierCardinality(type) === 'many') lists.push(resource['identifier']);
  return lists.every((list) => list === undefined || Array.isArray(list)) ? record : refuse('invalid-structure');
}

function parsedObject(text: string): Readonly<Record<string, unknown>> | RefusalReason {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the line; the reason says enough.
    return 'malformed-json';
  }
  return isRecord(value) ? value : 'not-an-object';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAboutAnother(
  type: string,
  id: unknown,
  resource: Readonly<Record<string, unknown>>,
  context: InspectContext,
): boolean {
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
