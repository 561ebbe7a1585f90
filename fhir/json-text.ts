/**
 * Positions inside JSON text that `JSON.parse` has already accepted.
 *
 * A received resource is never printed again: digits of decimals, key order, escapes and unknown fields stay as they
 * came, and what must change is spliced in (`json-edits.ts`). All functions read each character at most once.
 */

import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  isSpace,
  keyAt,
  literalEnd,
  skipSpace,
  stringEnd,
  valueEnd,
  valueStart,
} from './json-tokens.ts';

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

/** `topKey`: the property of the root below which the object lies (`contained`, `subject` …), empty for the root. */
export type ObjectVisitor = (object: JsonObject, topKey: string) => void;

const PROPERTY_SIZE = 3;
const FRAME_SIZE = 3;
const ARRAY = -1;

function* propertiesFrom(text: string, start: number): Generator<JsonProperty, number> {
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyStart = at;
    const from = valueStart(text, stringEnd(text, keyStart));
    const end = valueEnd(text, from);
    yield { key: keyAt(text, keyStart), keyStart, valueStart: from, valueEnd: end };
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return at + 1;
}

/** The object that opens at `start`, its values skipped over. */
export function objectAt(text: string, start: number): JsonObject {
  const properties: JsonProperty[] = [];
  const source = propertiesFrom(text, start);
  let step = source.next();
  while (!step.done) {
    properties.push(step.value);
    step = source.next();
  }
  return { start, end: step.value, properties };
}

/** The first property of that name in the object that opens at `start`; reads no further than it. */
export function findPropertyAt(text: string, start: number, key: string): JsonProperty | undefined {
  for (const property of propertiesFrom(text, start)) if (property.key === key) return property;
  return undefined;
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
  return object.properties.find((property) => property.key === key);
}

/** The first key that an object has twice: two readers of such a text may see two different values. */
export function duplicateKey(object: JsonObject): string | undefined {
  const seen = new Set<string>();
  for (const { key } of object.properties) {
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}

/** One pass over a text; properties of all open objects lie in one number stack, so that nothing is allocated for
 * objects that nobody asked for. */
class ObjectScanner {
  readonly #text: string;
  readonly #key: string;
  readonly #visit: ObjectVisitor;
  /** keyStart, valueStart, valueEnd of each property of each open object. */
  readonly #properties: number[] = [];
  #propertiesTop = 0;
  /** start, first property (or ARRAY), number of properties with the wanted key, of each open object or array. */
  readonly #frames: number[] = [];
  #framesTop = 0;
  #topKeyStart = -1;
  #keyNext = false;
  #root: JsonObject | undefined;

  constructor(text: string, key: string, visit: ObjectVisitor) {
    this.#text = text;
    this.#key = key;
    this.#visit = visit;
  }

  scan(): JsonObject {
    const text = this.#text;
    let at = skipSpace(text, 0);
    if (text.charCodeAt(at) !== OPEN_BRACE) throw new RangeError('the text holds no JSON object');
    while (at < text.length) at = this.#token(at, text.charCodeAt(at));
    if (this.#root === undefined) throw new RangeError('the text ends inside an object');
    return this.#root;
  }

  #token(at: number, code: number): number {
    switch (code) {
      case OPEN_BRACE:
        return this.#open(at, this.#propertiesTop);
      case OPEN_BRACKET:
        return this.#open(at, ARRAY);
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        return this.#close(at + 1);
      case COMMA:
        this.#keyNext = this.#frame(1) !== ARRAY;
        return at + 1;
      case QUOTE:
        return this.#keyNext ? this.#readKey(at) : this.#endValue(stringEnd(this.#text, at));
      default:
        return isSpace(code) ? at + 1 : this.#endValue(literalEnd(this.#text, at));
    }
  }

  #open(at: number, firstProperty: number): number {
    this.#frames[this.#framesTop] = at;
    this.#frames[this.#framesTop + 1] = firstProperty;
    this.#frames[this.#framesTop + 2] = 0;
    this.#framesTop += FRAME_SIZE;
    this.#keyNext = firstProperty !== ARRAY;
    return at + 1;
  }

  #close(end: number): number {
    const start = this.#frame(0);
    const first = this.#frame(1);
    const hits = this.#frame(2);
    this.#framesTop -= FRAME_SIZE;
    this.#keyNext = false;
    if (first !== ARRAY) {
      const isRoot = this.#framesTop === 0;
      if (isRoot || hits > 0) this.#emit(start, end, first, hits, isRoot);
      this.#propertiesTop = first;
    }
    return this.#endValue(end);
  }

  #emit(start: number, end: number, first: number, hits: number, isRoot: boolean): void {
    const properties: JsonProperty[] = [];
    for (let slot = first; slot < this.#propertiesTop; slot += PROPERTY_SIZE) {
      const keyStart = numberAt(this.#properties, slot);
      properties.push({
        key: keyAt(this.#text, keyStart),
        keyStart,
        valueStart: numberAt(this.#properties, slot + 1),
        valueEnd: numberAt(this.#properties, slot + 2),
      });
    }
    const object = { start, end, properties };
    if (isRoot) this.#root = object;
    if (hits > 0) this.#visit(object, isRoot ? '' : keyAt(this.#text, this.#topKeyStart));
  }

  #readKey(keyStart: number): number {
    const keyEnd = stringEnd(this.#text, keyStart);
    const start = valueStart(this.#text, keyEnd);
    if (this.#framesTop === FRAME_SIZE) this.#topKeyStart = keyStart;
    if (this.#isWanted(keyStart, keyEnd)) this.#frames[this.#framesTop - 1] = this.#frame(2) + 1;
    this.#properties[this.#propertiesTop] = keyStart;
    this.#properties[this.#propertiesTop + 1] = start;
    this.#propertiesTop += PROPERTY_SIZE;
    this.#keyNext = false;
    return start;
  }

  #isWanted(keyStart: number, keyEnd: number): boolean {
    const length = keyEnd - keyStart - 2;
    if (length === this.#key.length) return this.#text.startsWith(this.#key, keyStart + 1);
    // An escaped key is longer than what it says: at most six characters for one.
    if (length < this.#key.length || length > this.#key.length * 6) return false;
    return keyAt(this.#text, keyStart) === this.#key;
  }

  #endValue(end: number): number {
    if (this.#framesTop > 0 && this.#frame(1) !== ARRAY) this.#properties[this.#propertiesTop - 1] = end;
    return end;
  }

  /** Field of the innermost open object or array. */
  #frame(field: number): number {
    return numberAt(this.#frames, this.#framesTop - FRAME_SIZE + field);
  }
}

function numberAt(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0;
}

/**
 * Calls `visit` for every object at any depth that has a property `key` of its own (innermost first) and returns the
 * root. Throws RangeError if the root is no object.
 */
export function visitObjects(text: string, key: string, visit: ObjectVisitor): JsonObject {
  return new ObjectScanner(text, key, visit).scan();
}
