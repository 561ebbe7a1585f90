import { inPatientCompartment } from './compartment.ts';
import { ORIGINAL_REFERENCE_EXTENSION } from './extension-urls.ts';
import { derivedId, parseReference } from './identifiers.ts';
import type { BusinessIdentifier, ParsedReference } from './identifiers.ts';
import { appendElements, changeProperties, jsonProperty, replaceValue } from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { isStringAt, propertyOf, stringAt, visitObjects } from './json-text.ts';
import type { JsonObject, JsonProperty } from './json-text.ts';
import type { RefusalReason } from './refusals.ts';

export interface ReferenceContext {
  /** Key of the responding payer's Organization. */
  readonly organization: string;
  readonly localPatientId: string;
  /** Local id of the imported Patient, whether it was delivered or stands in for one that was not. */
  readonly anchorPatientId: string;
  /** The member's Patient id at the responding payer. */
  readonly memberId: string;
  readonly peerBase: string;
  readonly responderIdentifierSystem: string;
  /** Whether this exchange delivered the resource, or this payer an earlier one for the same member (or a shared one). */
  readonly resolve: (type: string, originalId: string) => boolean;
  /** Original id of the one delivered resource of the type with this identifier. */
  readonly resolveIdentifier: (type: string, system: string, value: string) => string | undefined;
}

export interface ReferenceEdits {
  readonly root: JsonObject;
  readonly edits: Edit[];
  /** Original strings of literal references whose target was never delivered. */
  readonly referencesUnresolved: string[];
  /** Original strings of conditional references that lead to no delivered resource, or to several. */
  readonly conditionalUnresolved: string[];
  readonly problem: RefusalReason | undefined;
}

/** What a line points to, for a caller that must look targets up before `transformForImport` asks for them. */
export interface ReferenceTargets {
  readonly literals: readonly { readonly type: string; readonly originalId: string }[];
  readonly conditionals: readonly ({ readonly type: string } & BusinessIdentifier)[];
}

/** The local id of a resource of this exchange, delivered or not. */
export function importedId(
  context: Pick<ReferenceContext, 'organization' | 'localPatientId' | 'anchorPatientId' | 'memberId'>,
  type: string,
  originalId: string,
): string {
  if (type === 'Patient' && originalId === context.memberId) return context.anchorPatientId;
  const { organization, localPatientId } = context;
  if (!inPatientCompartment(type)) return derivedId({ organization, type, originalId });
  return derivedId({ organization, patient: localPatientId, type, originalId });
}

export function referenceTargets(text: string, peerBase: string): ReferenceTargets {
  const literals: { type: string; originalId: string }[] = [];
  const conditionals: ({ type: string } & BusinessIdentifier)[] = [];
  visitObjects(text, 'reference', (object) => {
    for (const property of referenceProperties(text, object)) {
      const parsed = parseReference(stringAt(text, property.valueStart), peerBase);
      if (parsed.kind === 'literal') literals.push({ type: parsed.type, originalId: parsed.id });
      if (parsed.kind === 'conditional' && parsed.identifier)
        conditionals.push({ type: parsed.type, ...parsed.identifier });
    }
  });
  return { literals, conditionals };
}

/** The edits that make every Reference of a record, at any depth, point to local resources or stop pointing. */
export function referenceEdits(text: string, context: ReferenceContext): ReferenceEdits {
  const edits: Edit[] = [];
  const referencesUnresolved: string[] = [];
  const conditionalUnresolved: string[] = [];
  let problem: RefusalReason | undefined;
  const root = visitObjects(text, 'reference', (object) => {
    const properties = referenceProperties(text, object);
    const [property] = properties;
    if (property === undefined) return;
    if (properties.length > 1) {
      problem ??= 'duplicate-key';
      return;
    }
    const original = stringAt(text, property.valueStart);
    const parsed = parseReference(original, context.peerBase);
    const local = localReference(parsed, context);
    if (local !== undefined) {
      edits.push(replaceValue(property, JSON.stringify(local)));
    } else if (parsed.kind === 'conditional') {
      conditionalUnresolved.push(original);
    } else if (parsed.kind === 'literal') {
      // Absolute to the payer's base and relative mean the same, and are kept as the same.
      const kept = parsed.absoluteBase === undefined ? original : `${parsed.type}/${parsed.id}`;
      referencesUnresolved.push(kept);
      const logical = logicalReferenceEdits(text, object, property, kept, {
        system: context.responderIdentifierSystem,
        value: `${parsed.type}/${parsed.id}`,
      });
      if (logical) edits.push(...logical);
      else problem ??= 'invalid-structure';
    }
  });
  return { root, edits, referencesUnresolved, conditionalUnresolved, problem };
}

/** `reference` may also be the name of an element that holds a Reference (Consent.provision.data.reference). */
function referenceProperties(text: string, object: JsonObject): JsonProperty[] {
  return object.properties.filter(({ key, valueStart }) => key === 'reference' && isStringAt(text, valueStart));
}

function localReference(parsed: ParsedReference, context: ReferenceContext): string | undefined {
  if (parsed.kind === 'literal') return localTarget(parsed.type, parsed.id, context);
  if (parsed.kind !== 'conditional' || parsed.identifier === undefined) return undefined;
  const { system, value } = parsed.identifier;
  const originalId = context.resolveIdentifier(parsed.type, system, value);
  return originalId === undefined ? undefined : localTarget(parsed.type, originalId, context, true);
}

function localTarget(type: string, id: string, context: ReferenceContext, isDelivered = false): string | undefined {
  // Of all Patients only the member's is ever imported.
  const isThere = type === 'Patient' ? id === context.memberId : isDelivered || context.resolve(type, id);
  return isThere ? `${type}/${importedId(context, type, id)}` : undefined;
}

/** Turns a literal reference into a logical one and keeps its text; undefined if the extension cannot be added. */
function logicalReferenceEdits(
  text: string,
  object: JsonObject,
  property: JsonProperty,
  original: string,
  identifier: BusinessIdentifier,
): Edit[] | undefined {
  const kept = JSON.stringify({ url: ORIGINAL_REFERENCE_EXTENSION, valueString: original });
  const extension = propertyOf(object, 'extension');
  const inPlace: string[] = [];
  const edits: Edit[] = [];
  if (propertyOf(object, 'identifier') === undefined)
    inPlace.push(jsonProperty('identifier', JSON.stringify(identifier)));
  if (extension === undefined) {
    inPlace.push(jsonProperty('extension', `[${kept}]`));
  } else {
    const appended = appendElements(text, extension, [kept]);
    if (appended === undefined) return undefined;
    edits.push(appended);
  }
  if (inPlace.length > 0)
    edits.push({ start: property.keyStart, end: property.valueEnd, replacement: inPlace.join(',') });
  else edits.push(...changeProperties(object, ['reference'], []));
  return edits;
}
