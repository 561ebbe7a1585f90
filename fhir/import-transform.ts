import { hash } from 'node:crypto';
import { patientReferencesOf } from './compartment.ts';
import { ORIGINAL_ID_EXTENSION } from './extension-urls.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { importedId, referenceEdits } from './import-references.ts';
import type { ReferenceContext } from './import-references.ts';
import { readRecord, withSoundRoot } from './import-inspect.ts';
import type { Inspected, Refused } from './import-inspect.ts';
import {
  appendElements,
  applyEdits,
  changeProperties,
  insertProperties,
  jsonProperty,
  replaceValue,
} from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { objectAt, propertyOf } from './json-text.ts';
import type { JsonObject, JsonProperty } from './json-text.ts';
import type { RefusalReason } from './refusals.ts';
import { scanReferences } from './scan-references.ts';
import type { ScannedRecord } from './scan-references.ts';
import { identifierCardinality, isDomainResource } from './resource-types.ts';

export interface ImportContext extends ReferenceContext {
  /** The type that the manifest gives for the file. */
  readonly expectedType?: string;
  readonly migratedTag: { readonly system: string; readonly code: string; readonly display?: string };
  /** The responding payer, as `meta.source`. */
  readonly metaSource: string;
  /** JSON text of one Identifier that the imported Patient gets besides its own. */
  readonly extraPatientIdentifier?: string;
}

export interface ImportedResource {
  readonly kind: 'resource';
  readonly type: string;
  readonly originalId: string;
  readonly id: string;
  /** Without `meta.versionId` and `meta.lastUpdated`: those are assigned at publication. */
  readonly text: string;
  /** `Patient/<anchorPatientId>` where the record says that it is about the member; empty otherwise. */
  readonly patientReferences: readonly string[];
  readonly referencesUnresolved: readonly string[];
  readonly conditionalUnresolved: readonly string[];
  /** As the payer sent them, without the added one. */
  readonly identifiers: readonly BusinessIdentifier[];
  /** SHA-256 of `text`, lower-case hex. */
  readonly contentHash: string;
}

/** An element that must be extended has a JSON type that FHIR does not allow there. */
type EditsOrProblem = readonly Edit[] | RefusalReason;

/** One received line as the resource to store, or the reason why it is not stored. */
export function transformForImport(text: string, context: ImportContext): ImportedResource | Refused {
  const record = readRecord(text, context);
  if (record.kind === 'refused') return record;
  return transformRecord(text, record, scanReferences(text, context.peerBase), context);
}

/** The same for a line that `readRecord` has read, and `scanReferences` scanned, already. */
export function transformRecord(
  text: string,
  record: Inspected,
  scanned: ScannedRecord,
  context: ImportContext,
): ImportedResource | Refused {
  const { root } = scanned;
  const { edits, referencesUnresolved, conditionalUnresolved, problem } = referenceEdits(text, scanned, context);
  const inspected = withSoundRoot(text, root, record);
  if (inspected.kind === 'refused') return inspected;
  const { type, originalId, identifiers, resource } = inspected;
  const id = context.localKey?.(type, originalId).slice(type.length + 1) ?? importedId(context, type, originalId);
  const more = problem ?? rootEdits(text, root, inspected, id, context);
  if (isProblem(more)) return { kind: 'refused', reason: more, type, originalId };
  const stored = applyEdits(text, [...edits, ...more], root.start, root.end);
  const isAboutMember = patientReferencesOf(resource).length > 0;
  return {
    kind: 'resource',
    type,
    originalId,
    id,
    text: stored,
    patientReferences: isAboutMember ? [`Patient/${context.anchorPatientId}`] : [],
    referencesUnresolved,
    conditionalUnresolved,
    identifiers,
    contentHash: hash('sha256', stored, 'hex'),
  };
}

function rootEdits(
  text: string,
  root: JsonObject,
  inspected: Inspected,
  id: string,
  context: ImportContext,
): EditsOrProblem {
  const idProperty = propertyOf(root, 'id');
  if (idProperty === undefined) return 'missing-id';
  const original = { system: context.responderIdentifierSystem, value: inspected.originalId };
  const place = originalIdPlace(inspected, root);
  const metaChanges = metaEdits(
    text,
    root,
    idProperty,
    inspected,
    context,
    place === 'meta' ? originalIdExtension(original) : undefined,
  );
  if (isProblem(metaChanges)) return metaChanges;
  const added = place === 'meta' ? [] : originalIdEdits(text, root, inspected, original, place, context);
  if (isProblem(added)) return added;
  return [replaceValue(idProperty, JSON.stringify(id)), ...metaChanges, ...added];
}

/** Where the id at the responding payer is kept: FHIR gives Binary no `identifier` and no `extension` of its own. */
function originalIdPlace({ type }: Inspected, root: JsonObject): 'identifiers' | 'identifier' | 'extension' | 'meta' {
  const cardinality = identifierCardinality(type);
  if (cardinality === 'many') return 'identifiers';
  if (cardinality === 'one' && propertyOf(root, 'identifier') === undefined) return 'identifier';
  return isDomainResource(type) ? 'extension' : 'meta';
}

function originalIdExtension(original: BusinessIdentifier): string {
  return JSON.stringify({ url: ORIGINAL_ID_EXTENSION, valueIdentifier: original });
}

function originalIdEdits(
  text: string,
  root: JsonObject,
  { type, identifiers }: Inspected,
  original: BusinessIdentifier,
  place: 'identifiers' | 'identifier' | 'extension',
  { extraPatientIdentifier }: ImportContext,
): EditsOrProblem {
  switch (place) {
    case 'identifier':
      return changeProperties(root, [], [jsonProperty('identifier', JSON.stringify(original))]);
    case 'extension':
      return addToArray(text, root, 'extension', [originalIdExtension(original)]);
    case 'identifiers': {
      const wanted = [JSON.stringify(original)];
      if (type === 'Patient' && extraPatientIdentifier !== undefined) wanted.push(extraPatientIdentifier);
      const missing = wanted.filter((json) => !identifiers.some((present) => isSameIdentifier(json, present)));
      return missing.length === 0 ? [] : addToArray(text, root, 'identifier', missing);
    }
  }
}

function isSameIdentifier(json: string, present: BusinessIdentifier): boolean {
  const { system, value } = JSON.parse(json) as Partial<BusinessIdentifier>;
  return system === present.system && value === present.value;
}

function metaEdits(
  text: string,
  root: JsonObject,
  idProperty: JsonProperty,
  { resource }: Inspected,
  { metaSource, migratedTag }: ImportContext,
  extension: string | undefined,
): EditsOrProblem {
  const meta = propertyOf(root, 'meta');
  const source = JSON.stringify(metaSource);
  const tag = JSON.stringify(migratedTag);
  if (meta === undefined) {
    const properties = [jsonProperty('source', source), jsonProperty('tag', `[${tag}]`)];
    if (extension !== undefined) properties.push(jsonProperty('extension', `[${extension}]`));
    return [insertProperties(root, idProperty, [jsonProperty('meta', `{${properties.join(',')}}`)])];
  }
  const object = objectAt(text, meta.valueStart);
  const edits: Edit[] = [];
  const append: string[] = [];
  const present = propertyOf(object, 'source');
  if (present) edits.push(replaceValue(present, source));
  else append.push(jsonProperty('source', source));
  const arrays: [string, string][] = hasTag(resource['meta'], migratedTag) ? [] : [['tag', tag]];
  if (extension !== undefined) arrays.push(['extension', extension]);
  for (const [key, element] of arrays) {
    const array = propertyOf(object, key);
    if (array === undefined) {
      append.push(jsonProperty(key, `[${element}]`));
      continue;
    }
    const appended = appendElements(text, array, [element]);
    if (appended === undefined) return 'invalid-structure';
    edits.push(appended);
  }
  return [...edits, ...changeProperties(object, ['versionId', 'lastUpdated'], append)];
}

function hasTag(meta: unknown, wanted: ImportContext['migratedTag']): boolean {
  if (typeof meta !== 'object' || meta === null || !('tag' in meta) || !Array.isArray(meta.tag)) return false;
  const tags: unknown[] = meta.tag;
  return tags.some(
    (tag) =>
      typeof tag === 'object' &&
      tag !== null &&
      'system' in tag &&
      tag.system === wanted.system &&
      'code' in tag &&
      tag.code === wanted.code,
  );
}

function addToArray(text: string, object: JsonObject, key: string, elements: readonly string[]): EditsOrProblem {
  const property = propertyOf(object, key);
  if (property === undefined) return changeProperties(object, [], [jsonProperty(key, `[${elements.join(',')}]`)]);
  const appended = appendElements(text, property, elements);
  return appended === undefined ? 'invalid-structure' : [appended];
}

function isProblem(result: EditsOrProblem): result is RefusalReason {
  return typeof result === 'string';
}
