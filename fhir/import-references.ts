import { belongsToMember } from './compartment.ts';
import { ORIGINAL_REFERENCE_EXTENSION } from './extension-urls.ts';
import { derivedId, idOfUrn } from './identifiers.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { appendElements, changeProperties, jsonProperty, replaceValue } from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { propertyOf } from './json-text.ts';
import type { JsonObject, JsonProperty } from './json-text.ts';
import { attachmentId } from './missing-references.ts';
import { scanReferences } from './scan-references.ts';
import type { ReferenceSite, ScannedRecord } from './scan-references.ts';
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
  /** Id here of the one delivered resource of the type with this identifier. */
  readonly resolveIdentifier: (type: string, system: string, value: string) => string | undefined;
  /** Type of the one delivered resource with this id, for a URN whose Reference tells no type. */
  readonly resolveUrn?: (originalId: string) => string | undefined;
  /** `Type/importedId`, for a caller that remembers what it has derived. */
  readonly localKey?: (type: string, originalId: string) => string;
}

export interface ReferenceEdits {
  readonly edits: readonly Edit[];
  readonly problem: RefusalReason | undefined;
}

/** What a line points to. */
export interface ReferenceTargets {
  readonly literals: readonly { readonly type: string; readonly originalId: string }[];
  readonly conditionals: readonly ({ readonly type: string } & BusinessIdentifier)[];
  /** Absolute URLs of attachments that are no FHIR resource at the payer. */
  readonly attachments: readonly { readonly url: string; readonly contentType?: string }[];
  /** URNs, as they were written, of which nothing tells the type. */
  readonly urns: readonly string[];
}

/** The local id of a resource of this exchange, delivered or not. */
export function importedId(
  context: Pick<ReferenceContext, 'organization' | 'localPatientId' | 'anchorPatientId' | 'memberId'>,
  type: string,
  originalId: string,
): string {
  if (type === 'Patient' && originalId === context.memberId) return context.anchorPatientId;
  const { organization, localPatientId } = context;
  if (!belongsToMember(type)) return derivedId({ organization, type, originalId });
  return derivedId({ organization, patient: localPatientId, type, originalId });
}

export function referenceTargets(text: string, peerBase: string): ReferenceTargets {
  return targetsOf(scanReferences(text, peerBase));
}

export function targetsOf({ sites }: ScannedRecord): ReferenceTargets {
  const literals: { type: string; originalId: string }[] = [];
  const conditionals: ({ type: string } & BusinessIdentifier)[] = [];
  const attachments: { url: string; contentType?: string }[] = [];
  const urns: string[] = [];
  for (const { parsed, written, attachment } of sites) {
    if (parsed.kind === 'literal') literals.push({ type: parsed.type, originalId: parsed.id });
    else if (parsed.kind === 'conditional' && parsed.identifier) {
      conditionals.push({ type: parsed.type, ...parsed.identifier });
    } else if (attachment?.elsewhere !== undefined) {
      const contentType = attachment.contentType?.replaceAll('\0', '');
      const { elsewhere } = attachment;
      attachments.push({ url: elsewhere, ...(contentType !== undefined && { contentType }) });
    } else if (parsed.kind === 'urn' && idOfUrn(written) !== undefined) urns.push(written);
  }
  return { literals, conditionals, attachments, urns };
}

/** The edits that make every Reference of a record, at any depth, point to local resources or stop pointing. */
export function referenceEdits(
  text: string,
  { sites, problem }: ScannedRecord,
  context: ReferenceContext,
): ReferenceEdits {
  const edits: Edit[] = [];
  let found = problem;
  for (const site of sites) {
    const { parsed, property, written } = site;
    const local = localReference(site, context);
    if (local !== undefined) {
      edits.push(replaceValue(property, JSON.stringify(local)));
      const isOtherwiseLost =
        site.attachment !== undefined ||
        parsed.kind === 'urn' ||
        (parsed.kind === 'literal' && parsed.version !== undefined);
      const kept = isOtherwiseLost ? keepOriginal(text, site, written) : [];
      if (kept) edits.push(...kept);
      else found ??= 'invalid-structure';
    } else if (parsed.kind === 'literal' && site.attachment === undefined) {
      // Absolute to the payer's base and relative mean the same, and are kept as the same.
      const original = parsed.absoluteBase === undefined ? written : written.slice(parsed.absoluteBase.length + 1);
      const logical = logicalReferenceEdits(text, site.object, property, original, {
        system: context.responderIdentifierSystem,
        value: `${parsed.type}/${parsed.id}`,
      });
      if (logical) edits.push(...logical);
      else found ??= 'invalid-structure';
    }
  }
  return { edits, problem: found };
}

/** The extension that says what stood there; undefined where it cannot be added. */
function keepOriginal(text: string, { object }: ReferenceSite, written: string): Edit[] | undefined {
  const kept = JSON.stringify({ url: ORIGINAL_REFERENCE_EXTENSION, valueString: written });
  const extension = propertyOf(object, 'extension');
  if (extension === undefined) return changeProperties(object, [], [jsonProperty('extension', `[${kept}]`)]);
  const appended = appendElements(text, extension, [kept]);
  return appended && [appended];
}

function localReference({ parsed, written, attachment }: ReferenceSite, context: ReferenceContext): string | undefined {
  if (parsed.kind === 'literal') return localTarget(parsed.type, parsed.id, context);
  if (attachment !== undefined) {
    return attachment.elsewhere && localTarget('Binary', attachmentId(attachment.elsewhere), context);
  }
  if (parsed.kind === 'urn') return targetOfUrn(idOfUrn(written), context);
  if (parsed.kind !== 'conditional' || parsed.identifier === undefined) return undefined;
  const { system, value } = parsed.identifier;
  const id = context.resolveIdentifier(parsed.type, system, value);
  // Of all Patients only the member's is ever imported.
  if (id === undefined || (parsed.type === 'Patient' && id !== context.anchorPatientId)) return undefined;
  return `${parsed.type}/${id}`;
}

function localTarget(type: string, id: string, context: ReferenceContext): string | undefined {
  const isThere = type === 'Patient' ? id === context.memberId : context.resolve(type, id);
  return isThere ? (context.localKey?.(type, id) ?? `${type}/${importedId(context, type, id)}`) : undefined;
}

function targetOfUrn(originalId: string | undefined, context: ReferenceContext): string | undefined {
  const type = originalId === undefined ? undefined : context.resolveUrn?.(originalId);
  if (originalId === undefined || type === undefined) return undefined;
  return context.localKey?.(type, originalId) ?? `${type}/${importedId(context, type, originalId)}`;
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
