import { NOTHING, plainStringEnd, strictLiteralEnd, strictStringEnd } from './json-strict.ts';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  keyAt,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
} from './json-tokens.ts';
import type { JsonObject, JsonProperty } from './json-text.ts';

/** The places of a record that its import looks at, innermost objects first. */
export interface RecordScan {
  readonly root: JsonObject;
  /** The value of the last `meta` of the root, where that is an object. */
  readonly meta: JsonObject | undefined;
  /** Objects with a property `reference` of their own. */
  readonly references: readonly JsonObject[];
  /** Objects that may be Attachments: a `url` with what only an Attachment has beside it, or with nothing. */
  readonly attachments: readonly JsonObject[];
}

/**
 * One pass over the text of a record: whether it is JSON, exactly as `JSON.parse` decides, and where its places are.
 * Undefined where it is no JSON, or no object.
 */
export function scanRecord(text: string): RecordScan | undefined {
  return new RecordScanner(text).scan();
}

const PROPERTY_SIZE = 3;
const FRAME_SIZE = 3;
const ARRAY = -1;

/** What the keys of an object say of it, as bits. */
const REFERENCE = 1;
const URL = 2;
const OF_ATTACHMENT = 4;
const RESOURCE_TYPE = 8;
const ID = 16;
const OTHER = 32;
const META = 64;
/** The object is the root's meta. */
const IS_META = 128;

const KINDS: ReadonlyMap<string, number> = new Map([
  ['reference', REFERENCE],
  ['url', URL],
  ...['contentType', 'size', 'hash', 'title', 'creation', 'language', 'data'].map(
    (key) => [key, OF_ATTACHMENT] as const,
  ),
  ['resourceType', RESOURCE_TYPE],
  ['id', ID],
  ['meta', META | OTHER],
]);

/** By first character and length: of most keys two numbers tell that they are none of these. */
const MAY_BE_KIND = new Uint8Array(128 * 16);
for (const key of KINDS.keys()) MAY_BE_KIND[key.charCodeAt(0) * 16 + key.length] = 1;

/** Numbers by their place; grows with the deepest record. One for all scans, of which one runs at a time. */
class NumberStack {
  #numbers = new Int32Array(4096);

  set(place: number, value: number): void {
    if (place >= this.#numbers.length) {
      const more = new Int32Array(2 * place);
      more.set(this.#numbers);
      this.#numbers = more;
    }
    this.#numbers[place] = value;
  }

  get(place: number): number {
    return this.#numbers[place] ?? 0;
  }
}

/** keyStart, valueStart, valueEnd of each property of each open object. */
const PROPERTIES = new NumberStack();
/** start, first property (or ARRAY), bits, of each open object or array. */
const FRAMES = new NumberStack();

/** Places of properties and open objects lie in number stacks: nothing is allocated for objects that nobody asks for. */
class RecordScanner {
  readonly #text: string;
  readonly #references: JsonObject[] = [];
  readonly #attachments: JsonObject[] = [];
  #meta: JsonObject | undefined;
  #root: JsonObject | undefined;
  #propertiesTop = 0;
  #framesTop = 0;
  #lastKind = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): RecordScan | undefined {
    const text = this.#text;
    const start = skipSpace(text, 0);
    if (text.charCodeAt(start) !== OPEN_BRACE) return undefined;
    const end = this.#values(start);
    if (end === NOTHING || this.#root === undefined || skipSpace(text, end) !== text.length) return undefined;
    return { root: this.#root, meta: this.#meta, references: this.#references, attachments: this.#attachments };
  }

  /** From the root's brace to behind its end; NOTHING where the text is no JSON. */
  #values(from: number): number {
    const text = this.#text;
    let at = from;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        this.#open(at, code === OPEN_BRACE);
        at = skipSpace(text, at + 1);
        const isEmpty = text.charCodeAt(at) === (code === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
        if (!isEmpty) {
          if (code === OPEN_BRACE) at = this.#key(at);
          if (at === NOTHING) return NOTHING;
          continue;
        }
      } else {
        at = code === QUOTE ? strictStringEnd(text, at) : strictLiteralEnd(text, at, code);
        if (at === NOTHING) return NOTHING;
        this.#endValue(at);
        at = skipSpace(text, at);
      }
      at = this.#closing(at);
      if (at === NOTHING || this.#framesTop === 0) return at;
    }
  }

  /** Behind a value: closes what closes here; where the next value starts, or the end of the root. */
  #closing(from: number): number {
    const text = this.#text;
    let at = from;
    for (;;) {
      const isObject = this.#frame(1) !== ARRAY;
      const code = text.charCodeAt(at);
      if (code === COMMA) {
        at = skipSpace(text, at + 1);
        return isObject ? this.#key(at) : at;
      }
      if (code !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return NOTHING;
      at++;
      this.#close(at);
      if (this.#framesTop === 0) return at;
      this.#endValue(at);
      at = skipSpace(text, at);
    }
  }

  #open(at: number, isObject: boolean): void {
    const isMeta = isObject && this.#framesTop === FRAME_SIZE && (this.#lastKind & META) !== 0;
    FRAMES.set(this.#framesTop, at);
    FRAMES.set(this.#framesTop + 1, isObject ? this.#propertiesTop : ARRAY);
    FRAMES.set(this.#framesTop + 2, isMeta ? IS_META : 0);
    this.#framesTop += FRAME_SIZE;
  }

  /** Reads a key and its colon; where its value starts. */
  #key(keyStart: number): number {
    const text = this.#text;
    if (text.charCodeAt(keyStart) !== QUOTE) return NOTHING;
    const plainEnd = plainStringEnd(text, keyStart);
    const keyEnd = plainEnd === NOTHING ? strictStringEnd(text, keyStart) : plainEnd;
    if (keyEnd === NOTHING) return NOTHING;
    const colon = skipSpace(text, keyEnd);
    if (text.charCodeAt(colon) !== COLON) return NOTHING;
    const valueStart = skipSpace(text, colon + 1);
    const kind = plainEnd === NOTHING ? (KINDS.get(keyAt(text, keyStart)) ?? OTHER) : kindOfKey(text, keyStart, keyEnd);
    this.#lastKind = kind;
    const bits = this.#framesTop - FRAME_SIZE + 2;
    FRAMES.set(bits, FRAMES.get(bits) | kind);
    PROPERTIES.set(this.#propertiesTop, keyStart);
    PROPERTIES.set(this.#propertiesTop + 1, valueStart);
    this.#propertiesTop += PROPERTY_SIZE;
    return valueStart;
  }

  #endValue(end: number): void {
    if (this.#frame(1) !== ARRAY) PROPERTIES.set(this.#propertiesTop - 1, end);
  }

  #close(end: number): void {
    const start = this.#frame(0);
    const first = this.#frame(1);
    const bits = this.#frame(2);
    this.#framesTop -= FRAME_SIZE;
    this.#lastKind = 0;
    if (first === ARRAY) return;
    const isRoot = this.#framesTop === 0;
    const isReference = (bits & REFERENCE) !== 0;
    const isAttachment = mayAttach(bits);
    if (isRoot || isReference || isAttachment || (bits & IS_META) !== 0) {
      const object = { start, end, properties: this.#propertiesFrom(first) };
      if (isRoot) this.#root = object;
      if ((bits & IS_META) !== 0) this.#meta = object;
      if (isReference) this.#references.push(object);
      if (isAttachment) this.#attachments.push(object);
    }
    this.#propertiesTop = first;
  }

  #propertiesFrom(first: number): JsonProperty[] {
    const properties: JsonProperty[] = [];
    for (let slot = first; slot < this.#propertiesTop; slot += PROPERTY_SIZE) {
      const keyStart = PROPERTIES.get(slot);
      properties.push({
        key: knownKey(this.#text, keyStart),
        keyStart,
        valueStart: PROPERTIES.get(slot + 1),
        valueEnd: PROPERTIES.get(slot + 2),
      });
    }
    return properties;
  }

  /** Field of the innermost open object or array. */
  #frame(field: number): number {
    return FRAMES.get(this.#framesTop - FRAME_SIZE + field);
  }
}

/** The canonical URL of a resource stands beside a title or a language, too; an Extension has a value. */
function mayAttach(bits: number): boolean {
  if ((bits & URL) === 0 || (bits & RESOURCE_TYPE) !== 0) return false;
  return (bits & OF_ATTACHMENT) !== 0 || (bits & ~(URL | ID | IS_META)) === 0;
}

/** Keys that were met, by their first and last character and their length: most come again, and need not be made anew. */
const KNOWN_KEYS = new Array<string | undefined>(1024).fill(undefined);
const LONGEST_KNOWN_KEY = 32;

function knownKey(text: string, keyStart: number): string {
  const keyEnd = plainStringEnd(text, keyStart);
  const length = keyEnd - keyStart - 2;
  if (keyEnd === NOTHING || length < 1 || length > LONGEST_KNOWN_KEY) return keyAt(text, keyStart);
  const first = text.charCodeAt(keyStart + 1);
  const place = (first * 31 * 31 + text.charCodeAt(keyEnd - 2) * 31 + length) & (KNOWN_KEYS.length - 1);
  const known = KNOWN_KEYS[place];
  if (known?.length === length && text.startsWith(known, keyStart + 1)) return known;
  // Joined, not sliced: a slice would keep the whole text in memory.
  const key = [text.slice(keyStart + 1, keyEnd - 2), text.charAt(keyEnd - 2)].join('');
  KNOWN_KEYS[place] = key;
  return key;
}

/** Of a key without escapes. */
function kindOfKey(text: string, keyStart: number, keyEnd: number): number {
  const length = keyEnd - keyStart - 2;
  const first = text.charCodeAt(keyStart + 1);
  if (length >= 16 || first >= 128 || MAY_BE_KIND[first * 16 + length] === 0) return OTHER;
  return KINDS.get(text.slice(keyStart + 1, keyEnd - 1)) ?? OTHER;
}
