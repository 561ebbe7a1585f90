/** Edits of stored resource texts: what the server adds on the way out takes nothing away from the rest of the text. */
import {
  appendElements,
  applyEdits,
  changeProperties,
  insertProperties,
  jsonProperty,
  replaceValue,
} from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { elementsAt, findPropertyAt, isArrayAt, isObjectAt, objectAt, propertyOf, rootStart } from './json-text.ts';
import type { JsonObject, JsonProperty } from './json-text.ts';

export interface StoredMeta {
  readonly versionId: string;
  readonly lastUpdated: string;
}

/** As almost every server writes it: `{"resourceType":"…","id":"…","meta":{` with something in it. */
const BEGINS_WITH_META = /^(\{"resourceType":"[A-Za-z]+","id":"[A-Za-z0-9\-.]+","meta":\{)"/;

const SERVER_META = ['versionId', 'lastUpdated'] as const;

/** Sets `meta.versionId` and `meta.lastUpdated`; reads the text only as far as `meta`. */
export function withStoredMeta(text: string, { versionId, lastUpdated }: StoredMeta): string {
  const [, begun] = BEGINS_WITH_META.exec(text) ?? [];
  // A stored text has neither of the two; should one have them all the same, it is looked at as a whole.
  if (begun !== undefined && !text.includes('"versionId"') && !text.includes('"lastUpdated"')) {
    return `${begun}"versionId":"${versionId}","lastUpdated":"${lastUpdated}",${text.slice(begun.length)}`;
  }
  const start = rootStart(text);
  const values = { versionId: JSON.stringify(versionId), lastUpdated: JSON.stringify(lastUpdated) };
  const printed = SERVER_META.map((key) => jsonProperty(key, values[key]));
  const meta = findPropertyAt(text, start, 'meta');
  if (meta === undefined || !isObjectAt(text, meta.valueStart)) {
    return applyEdits(text, [metaInsertion(text, start, meta, `{${printed.join(',')}}`)]);
  }
  const object = objectAt(text, meta.valueStart);
  const edits: Edit[] = [];
  const missing: string[] = [];
  for (const key of SERVER_META) {
    const present = propertyOf(object, key);
    if (present) edits.push(replaceValue(present, values[key]));
    else missing.push(jsonProperty(key, values[key]));
  }
  if (missing.length > 0) edits.push(insertProperties(object, undefined, missing));
  return applyEdits(text, edits);
}

/** Removes `meta.versionId` and `meta.lastUpdated`, and a `meta` that held nothing else: the text to compare and hash. */
export function stripServerMeta(text: string): string {
  const start = rootStart(text);
  const meta = findPropertyAt(text, start, 'meta');
  if (meta === undefined || !isObjectAt(text, meta.valueStart)) return text;
  const object = objectAt(text, meta.valueStart);
  const isServerOnly =
    object.properties.length > 0 && object.properties.every(({ key }) => key === 'versionId' || key === 'lastUpdated');
  if (isServerOnly) return applyEdits(text, changeProperties(objectAt(text, start), ['meta'], []));
  return applyEdits(text, changeProperties(object, SERVER_META, []));
}

/** Sets the root's `id`; a new one goes behind `resourceType`. */
export function withId(text: string, id: string): string {
  const start = rootStart(text);
  const present = findPropertyAt(text, start, 'id');
  if (present) return applyEdits(text, [replaceValue(present, JSON.stringify(id))]);
  const root = objectAt(text, start);
  const printed = jsonProperty('id', JSON.stringify(id));
  return applyEdits(text, [insertProperties(root, propertyOf(root, 'resourceType'), [printed])]);
}

/**
 * Links a Patient to another as `seealso`. A text that already has such a link comes back as it is: then there is
 * nothing for `removePatientLink` to take back. Throws TypeError if `link` is no list.
 */
export function addPatientLink(text: string, reference: string): string {
  const root = objectAt(text, rootStart(text));
  const link = propertyOf(root, 'link');
  const printed = JSON.stringify({ other: { reference }, type: 'seealso' });
  if (link === undefined) return applyEdits(text, changeProperties(root, [], [jsonProperty('link', `[${printed}]`)]));
  if (!isArrayAt(text, link.valueStart)) throw new TypeError('Patient.link is not a list');
  if (linkIndex(text, link, (value) => isSeeAlso(value, reference)) !== -1) return text;
  const appended = appendElements(text, link, [printed]);
  return appended === undefined ? text : applyEdits(text, [appended]);
}

/** Takes back what `addPatientLink` added, and the list if it is then empty; every other byte stays. */
export function removePatientLink(text: string, reference: string): string {
  const root = objectAt(text, rootStart(text));
  const link = propertyOf(root, 'link');
  if (link === undefined || !isArrayAt(text, link.valueStart)) return text;
  const index = linkIndex(text, link, (value) => isOurLink(value, reference));
  const elements = elementsAt(text, link.valueStart);
  const element = elements[index];
  if (element === undefined) return text;
  if (elements.length === 1) return applyEdits(text, changeProperties(root, ['link'], []));
  const next = elements[index + 1];
  const before = elements[index - 1];
  if (next) return applyEdits(text, [{ start: element.start, end: next.start, replacement: '' }]);
  return applyEdits(text, [{ start: before?.end ?? element.start, end: element.end, replacement: '' }]);
}

function metaInsertion(text: string, start: number, meta: JsonProperty | undefined, json: string): Edit {
  if (meta) return replaceValue(meta, json);
  const root: JsonObject = objectAt(text, start);
  return insertProperties(root, propertyOf(root, 'id') ?? propertyOf(root, 'resourceType'), [
    jsonProperty('meta', json),
  ]);
}

function linkIndex(text: string, link: JsonProperty, isWanted: (value: unknown) => boolean): number {
  return elementsAt(text, link.valueStart).findIndex(({ start, end }) => isWanted(JSON.parse(text.slice(start, end))));
}

function isSeeAlso(value: unknown, reference: string): boolean {
  if (!isRecord(value) || value['type'] !== 'seealso' || !isRecord(value['other'])) return false;
  return value['other']['reference'] === reference;
}

/** Whether it is the link that `addPatientLink` writes, with nothing that somebody added to it. */
function isOurLink(value: unknown, reference: string): boolean {
  if (!isSeeAlso(value, reference) || !isRecord(value) || !isRecord(value['other'])) return false;
  return Object.keys(value).length === 2 && Object.keys(value['other']).length === 1;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
