/**
 * Positions inside JSON text that `JSON.parse` has already accepted.
 *
 * A received resource is never printed again: digits of decimals, key order, escapes and unknown fields stay as they
 * came, and what must change is spliced in (`json-edits.ts`). All functions read each character at most once.
 */

import { CLOSE_BRACKET, COMMA, QUOTE, keyAt, skipSpace, stringEnd, valueEnd, valueStart } from './json-tokens.ts';

export { isArrayAt, isObjectAt, isStringAt, stringAt } from './json-tokens.ts';

/** Offset of the first character that is not white space: where the value of the text starts. */
export function rootStart(text: string): number {
  return skipSpace(text, 0);
}

export interface JsonProperty {
  /** Decoded. */
  readonly key: string;
  /** Of the key's opening quote. */
  readonly keyStart: number;
  readonly valueStart: number;
  /** Exclusive. */
  readonly valueEnd: number;
}

export interface JsonObject {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly properties: readonly JsonProperty[];
}

/** The property that begins at `at`; undefined where the object ends there. */
function propertyAt(text: string, at: number): JsonProperty | undefined {
  if (text.charCodeAt(at) !== QUOTE) return undefined;
  const from = valueStart(text, stringEnd(text, at));
  return { key: keyAt(text, at), keyStart: at, valueStart: from, valueEnd: valueEnd(text, from) };
}

/** Where the next property begins, or the object ends. */
function behind(text: string, { valueEnd: end }: JsonProperty): number {
  const at = skipSpace(text, end);
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at;
}

/** The object that opens at `start`, its values skipped over. */
export function objectAt(text: string, start: number): JsonObject {
  const properties: JsonProperty[] = [];
  let at = skipSpace(text, start + 1);
  for (let property = propertyAt(text, at); property !== undefined; property = propertyAt(text, at)) {
    properties.push(property);
    at = behind(text, property);
  }
  return { start, end: at + 1, properties };
}

/** The first property of that name in the object that opens at `start`; reads no further than it. */
export function findPropertyAt(text: string, start: number, key: string): JsonProperty | undefined {
  let property = propertyAt(text, skipSpace(text, start + 1));
  while (property !== undefined && property.key !== key) property = propertyAt(text, behind(text, property));
  return property;
}

/** The ranges of the elements of the array that opens at `start`. */
export function elementsAt(text: string, start: number): { readonly start: number; readonly end: number }[] {
  const elements: { start: number; end: number }[] = [];
  let at = skipSpace(text, start + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = valueEnd(text, at);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return elements;
}

export function propertyOf(object: JsonObject, key: string): JsonProperty | undefined {
  for (const property of object.properties) if (property.key === key) return property;
  return undefined;
}

/** The first key that an object has twice: two readers of such a text may see two different values. */
export function duplicateKey({ properties }: JsonObject): string | undefined {
  if (properties.length > FEW_KEYS) return duplicateOfMany(properties);
  for (let one = 1; one < properties.length; one++) {
    const key = properties[one]?.key;
    for (let other = 0; other < one; other++) if (properties[other]?.key === key) return key;
  }
  return undefined;
}

/** So many are compared with each other faster than a set of them is made. */
const FEW_KEYS = 30;

function duplicateOfMany(properties: readonly JsonProperty[]): string | undefined {
  const seen = new Set<string>();
  return properties.find(({ key }) => seen.has(key) || !seen.add(key))?.key;
}
