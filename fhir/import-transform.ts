import { ORIGINAL_ID_EXTENSION } from './extension-urls.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { importedId, referenceEdits } from './import-references.ts';
import type { ReferenceContext } from './import-references.ts';
import { readRecord } from './import-inspect.ts';
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
import { propertyOf } from './json-text.ts';
import type { JsonObject, JsonProperty } from './json-text.ts';
import type { RefusalReason } from './refusals.ts';
import { scanRecord } from './record-scan.ts';
import { referencesOf } from './scan-references.ts';
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

/** What stays the same for every line of an exchange; who can be referred to is asked batch by batch. */
export type ExchangeContext = Omit<ImportContext, 'resolve' | 'resolveIdentifier' | 'expectedType'>;

export interface ImportedResource {
  readonly kind: 'resource';
  readonly type: string;
  readonly originalId: string;
  readonly id: string;
  /** Without `meta.versionId` and `meta.lastUpdated`: those are assigned at publication. */
  readonly text: string;
  /** As the payer sent them, without the added one. */
  readonly identifiers: readonly BusinessIdentifier[];
}

/** An element that must be extended has a JSON type that FHIR does not allow there. */
type EditsOrProblem = readonly Edit[] | RefusalReason;

/** One received line as the resource to store, or the reason why it is not stored. */
export function transformForImport(text: string, context: ImportContext): ImportedResource | Refused {
  const scan = scanRecord(text);
  const record = readRecord(text, scan, context);
  if (record.kind === 'refused' || scan === undefined) return record as Refused;
  return transformRecord(text, record, referencesOf(text, scan, context.peerBase), context);
}

/** The same for a line that `readRecord` has read, and whose references are known, already. */
export function transformRecord(
  text: string,
  record: Inspected,
  scanned: ScannedRecord,
  context: ImportContext,
): ImportedResource | Refused {
  const { root } = scanned;
  const { edits, problem } = referenceEdits(text, scanned, context);
  const { type, originalId, identifiers } = record;
  const id = context.localKey?.(type, originalId).slice(type.length + 1) ?? importedId(context, type, originalId);
  const own = problem ?? rootEdits(text, scanned, record, id, context);
  if (isProblem(own)) return { kind: 'refused', reason: own, type, originalId };
  const stored = applyEdits(text, own.concat(edits), root.start, root.end);
  return { kind: 'resource', type, originalId, id, text: stored, identifiers };
}

function rootEdits(
  text: string,
  { root, meta }: ScannedRecord,
  inspected: Inspected,
  id: string,
  context: ImportContext,
): EditsOrProblem {
  const idProperty = propertyOf(root, 'id');
  if (idProperty === undefined) return 'missing-id';
  const original = { system: context.responderIdentifierSystem, value: inspected.originalId };
  const place = originalIdPlace(inspected, root);
  const extension = place === 'meta' ? originalIdExtension(original) : undefined;
  const metaChanges = metaEdits(text, meta ?? { root, idProperty }, context, extension);
  if (isProblem(metaChanges)) return metaChanges;
  const added = place === 'meta' ? [] : originalIdEdits(text, root, inspected, original, place, context);
  if (isProblem(added)) return added;
  return [replaceValue(idProperty, JSON.stringify(id))].concat(metaChanges, added);
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
      const missing = identifiers.some((present) => isSame(original, present)) ? [] : [JSON.stringify(original)];
      if (type === 'Patient' && extraPatientIdentifier !== undefined) {
        const extra = JSON.parse(extraPatientIdentifier) as Partial<BusinessIdentifier>;
        if (![original, ...identifiers].some((present) => isSame(extra, present))) missing.push(extraPatientIdentifier);
      }
      return missing.length === 0 ? [] : addToArray(text, root, 'identifier', missing);
    }
  }
}

function isSame(one: Partial<BusinessIdentifier>, other: BusinessIdentifier): boolean {
  return one.system === other.system && one.value === other.value;
}

/** `place`: the meta there is, or where a new one goes. */
function metaEdits(
  text: string,
  place: JsonObject | { readonly root: JsonObject; readonly idProperty: JsonProperty },
  { metaSource, migratedTag }: ImportContext,
  extension: string | undefined,
): EditsOrProblem {
  const { source, tag } = printedMeta(metaSource, migratedTag);
  if (!('properties' in place)) {
    const properties = [jsonProperty('source', source), jsonProperty('tag', `[${tag}]`)];
    if (extension !== undefined) properties.push(jsonProperty('extension', `[${extension}]`));
    return [insertProperties(place.root, place.idProperty, [jsonProperty('meta', `{${properties.join(',')}}`)])];
  }
  const edits: Edit[] = [];
  const append: string[] = [];
  const present = propertyOf(place, 'source');
  if (present) edits.push(replaceValue(present, source));
  else append.push(jsonProperty('source', source));
  const arrays: [string, string][] = hasTag(text, propertyOf(place, 'tag'), migratedTag) ? [] : [['tag', tag]];
  if (extension !== undefined) arrays.push(['extension', extension]);
  for (const [key, element] of arrays) {
    const array = propertyOf(place, key);
    if (array === undefined) {
      append.push(jsonProperty(key, `[${element}]`));
      continue;
    }
    const appended = appendElements(text, array, [element]);
    if (appended === undefined) return 'invalid-structure';
    edits.push(appended);
  }
  return edits.concat(changeProperties(place, SERVER_META, append));
}

const SERVER_META = ['versionId', 'lastUpdated'];

let printedLast = { metaSource: '', migratedTag: {} as ImportContext['migratedTag'], source: '', tag: '' };

/** The same for all records of an exchange: printed once. */
function printedMeta(
  metaSource: string,
  migratedTag: ImportContext['migratedTag'],
): { readonly source: string; readonly tag: string } {
  if (printedLast.metaSource !== metaSource || printedLast.migratedTag !== migratedTag) {
    const source = JSON.stringify(metaSource);
    printedLast = { metaSource, migratedTag, source, tag: JSON.stringify(migratedTag) };
  }
  return printedLast;
}

function hasTag(text: string, property: JsonProperty | undefined, wanted: ImportContext['migratedTag']): boolean {
  if (property === undefined) return false;
  const tags = JSON.parse(text.slice(property.valueStart, property.valueEnd)) as unknown;
  return (Array.isArray(tags) ? (tags as unknown[]) : []).some(
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
