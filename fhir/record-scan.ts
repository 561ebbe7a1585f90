import { keyAt, skipSpace, QUOTE, COMMA, COLON, BACKSLASH } from './json-tokens.ts';
import { OPEN_BRACE, OPEN_BRACKET, CLOSE_BRACE, CLOSE_BRACKET } from './json-tokens.ts';
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
const NOTHING = -1;

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

const WORDS = new Map<number, string>([
  [0x74, 'true'],
  [0x66, 'false'],
  [0x6e, 'null'],
]);

/** Places of properties and open objects lie in number stacks: nothing is allocated for objects that nobody asks for. */
class RecordScanner {
  readonly #text: string;
  readonly #references: JsonObject[] = [];
  readonly #attachments: JsonObject[] = [];
  #meta: JsonObject | undefined;
  #root: JsonObject | undefined;
  /** keyStart, valueStart, valueEnd of each property of each open object. */
  readonly #properties: number[] = [];
  #propertiesTop = 0;
  /** start, first property (or ARRAY), bits, of each open object or array. */
  readonly #frames: number[] = [];
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
    this.#frames[this.#framesTop] = at;
    this.#frames[this.#framesTop + 1] = isObject ? this.#propertiesTop : ARRAY;
    this.#frames[this.#framesTop + 2] = isMeta ? IS_META : 0;
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
    this.#frames[bits] = numberAt(this.#frames, bits) | kind;
    this.#properties[this.#propertiesTop] = keyStart;
    this.#properties[this.#propertiesTop + 1] = valueStart;
    this.#propertiesTop += PROPERTY_SIZE;
    return valueStart;
  }

  #endValue(end: number): void {
    if (this.#frame(1) !== ARRAY) this.#properties[this.#propertiesTop - 1] = end;
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
      const keyStart = numberAt(this.#properties, slot);
      properties.push({
        key: keyAt(this.#text, keyStart),
        keyStart,
        valueStart: numberAt(this.#properties, slot + 1),
        valueEnd: numberAt(this.#properties, slot + 2),
      });
    }
    return properties;
  }

  /** Field of the innermost open object or array. */
  #frame(field: number): number {
    return numberAt(this.#frames, this.#framesTop - FRAME_SIZE + field);
  }
}

function numberAt(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0;
}

/** The canonical URL of a resource stands beside a title or a language, too; an Extension has a value. */
function mayAttach(bits: number): boolean {
  if ((bits & URL) === 0 || (bits & RESOURCE_TYPE) !== 0) return false;
  return (bits & OF_ATTACHMENT) !== 0 || (bits & ~(URL | ID | IS_META)) === 0;
}

/** Of a key without escapes. */
function kindOfKey(text: string, keyStart: number, keyEnd: number): number {
  const length = keyEnd - keyStart - 2;
  const first = text.charCodeAt(keyStart + 1);
  if (length >= 16 || first >= 128 || MAY_BE_KIND[first * 16 + length] === 0) return OTHER;
  return KINDS.get(text.slice(keyStart + 1, keyEnd - 1)) ?? OTHER;
}

/** Offset behind the string that opens at `from`; NOTHING where an escape stands in it, or it is none. */
function plainStringEnd(text: string, from: number): number {
  let at = from + 1;
  let code = text.charCodeAt(at);
  while (code !== QUOTE && code !== BACKSLASH && code >= 0x20) code = text.charCodeAt(++at);
  return code === QUOTE ? at + 1 : NOTHING;
}

/** Offset behind the string that opens at `from`; NOTHING where it is none that JSON allows. */
function strictStringEnd(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) {
      const behind = escapeEnd(text, at + 1);
      if (behind === NOTHING) return NOTHING;
      at = behind;
      continue;
    }
    // Behind the end of the text the code is NaN, which is not greater than anything.
    if (!(code >= 0x20)) return NOTHING;
    at++;
  }
}

function escapeEnd(text: string, at: number): number {
  switch (text.charCodeAt(at)) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 1;
    case 0x75: // u
      for (let digit = 1; digit <= 4; digit++) if (!isHexDigit(text.charCodeAt(at + digit))) return NOTHING;
      return at + 5;
    default:
      return NOTHING;
  }
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

function isHexDigit(code: number): boolean {
  return isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66);
}

/** Offset behind the number, `true`, `false` or `null`; NOTHING where there is none. */
function strictLiteralEnd(text: string, from: number, code: number): number {
  const word = WORDS.get(code);
  if (word !== undefined) return text.startsWith(word, from) ? from + word.length : NOTHING;
  let at = code === 0x2d ? from + 1 : from;
  if (text.charCodeAt(at) === 0x30) at++;
  else at = digitsEnd(text, at);
  if (at !== NOTHING && text.charCodeAt(at) === 0x2e) at = digitsEnd(text, at + 1);
  if (at === NOTHING || (text.charCodeAt(at) | 0x20) !== 0x65) return at;
  at++;
  const sign = text.charCodeAt(at);
  return digitsEnd(text, sign === 0x2b || sign === 0x2d ? at + 1 : at);
}

/** Behind one digit or more. */
function digitsEnd(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at++;
  return at === from ? NOTHING : at;
}
