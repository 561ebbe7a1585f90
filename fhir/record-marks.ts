import { Buffer } from 'node:buffer';
import { ByteWords } from './byte-words.ts';
import { CLAIM_TYPES } from './claim-types.ts';
import { parseReference } from './identifiers.ts';
import { objectAt, rootStart } from './json-text.ts';
import { goesAlong, OPEN_TYPES } from './open-types.ts';
import { CLAIM_WORDS, SERVER_META } from './plain-text.ts';
import { metaStart } from './stored-bytes.ts';

/** What is kept of a stored text beside it, so that what reads very many need not look into most of them. */
export interface RecordMarks {
  /** In the low 16 bits the earliest year that stands in the text as that of a date, NO_YEAR for none; above them MARK. */
  readonly marks: number;
  /** `Type/id` of what goes along with the record, each once, with a space between two; undefined for nothing. */
  readonly sharedReferences: string | undefined;
}

const NO_YEAR = 0x7fff;

/** Where it is not certain, the mark is set: what has it is read. */
export const MARK = {
  /** `metaStart` does not find the root's `meta`, or what the store sets in it may be there already. */
  meta: 1 << 16,
  /** A label may stand in it, or a name that is written with escapes. */
  label: 1 << 17,
  /** A word by which prior authorizations and amounts are known, in whatever type. */
  claim: 1 << 18,
  /** It refers to something that goes along by what identifies it. */
  reference: 1 << 19,
} as const;

/** A text goes out as it is where it has none of these marks, and no year before this one. */
export interface Unmarked {
  readonly mask: number;
  readonly fromYear: number;
}

/** To whom no rule applies: the store has to find where its own `meta` belongs, and that is all. */
export const FOR_OPERATORS: Unmarked = { mask: MARK.meta, fromYear: 0 };

/** `fromYear`: the first year of which a look-back keeps every day. */
export function forPartners(type: string, fromYear: number): Unmarked {
  const mask = MARK.meta | MARK.label;
  return { mask: CLAIM_TYPES.has(type) ? mask | MARK.claim : mask, fromYear };
}

/** Of the text of a resource, or its UTF-8; one pass over the bytes, since every record that is written takes it. */
export function marksOf(content: string | Uint8Array): RecordMarks {
  return new MarkScan(typeof content === 'string' ? Buffer.from(content) : content).scan();
}

const [QUOTE, BACKSLASH, COLON, SPACE, SLASH, HYPHEN] = [0x22, 0x5c, 0x3a, 0x20, 0x2f, 0x2d];
const [ZERO, TWO, THREE, FOUR, SEVEN, NINE] = [0x30, 0x32, 0x33, 0x34, 0x37, 0x39];
const [LOWER_A, LOWER_D, LOWER_U] = [0x61, 0x64, 0x75];
/** What makes a small letter of a capital one. */
const LOWER = 0x20;

/** Words of which more has to be seen than that they are there. */
const META = 1;
const REFERENCE = 2;

/** With the quote behind them: what stands before is one too. */
const WORDS = new ByteWords<number>(
  [
    ...SERVER_META.map((word) => [word, MARK.meta] as const),
    ...CLAIM_WORDS.map((word) => [word, MARK.claim] as const),
    ...[['security', MARK.label] as const, ['meta', META] as const, ['reference', REFERENCE] as const],
  ].map(([word, mark]) => [`${word}"`, mark]),
);
const AFTER_REFERENCE = 'reference"'.length;

const TYPES = new ByteWords<string>(
  [...OPEN_TYPES, 'Device'].flatMap((type) => [...'/?'].map((behind) => [`${type}${behind}`, type] as const)),
);
/** The characters of an id. */
const IN_ID = Uint8Array.from({ length: 256 }, (_, code) => (/[A-Za-z0-9\-.]/.test(String.fromCharCode(code)) ? 1 : 0));
const MOST_OF_ID = 64;

/** Everything that is looked for is ASCII, and stands behind a quote or a backslash. */
class MarkScan {
  readonly #bytes: Uint8Array;
  #marks = 0;
  #year = NO_YEAR;
  #metas = 0;
  #references: string[] | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  scan(): RecordMarks {
    const bytes = this.#bytes;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) this.#lookBehindQuote(at + 1);
      else if (byte === BACKSLASH) {
        if (isEscapedName(bytes, at + 1)) this.#marks |= MARK.meta | MARK.label;
        // The quote of a string's text is none.
        at++;
      }
    }
    if (!this.#isMetaFound()) this.#marks |= MARK.meta;
    return { marks: this.#marks | this.#year, sharedReferences: this.#references?.join(' ') };
  }

  #lookBehindQuote(at: number): void {
    const bytes = this.#bytes;
    const first = bytes[at] ?? 0;
    if (first <= NINE) {
      if (first < ZERO) return;
      const year = yearAt(bytes, at);
      if (year < this.#year) this.#year = year;
      return;
    }
    const word = WORDS.at(bytes, at);
    if (word === undefined) return;
    if (word === META) this.#metas++;
    else if (word === REFERENCE) this.#reference(at + AFTER_REFERENCE);
    else this.#marks |= word;
  }

  /** `from`: behind the key. As `sharedReferences` finds it. */
  #reference(from: number): void {
    const bytes = this.#bytes;
    let at = skipSpace(bytes, from);
    if (bytes[at] !== COLON) return;
    at = skipSpace(bytes, at + 1);
    if (bytes[at] !== QUOTE) return;
    const type = TYPES.at(bytes, at + 1);
    const idStart = at + 2 + (type?.length ?? 0);
    let end = type === undefined ? at + 1 : idStart;
    while (IN_ID[bytes[end] ?? 0] === 1) end++;
    const isPlain = bytes[idStart - 1] === SLASH && bytes[end] === QUOTE;
    if (type !== undefined && isPlain && end > idStart && end - idStart <= MOST_OF_ID) {
      this.#add(latin1(bytes, at + 1, end));
    } else if (type !== undefined || (bytes[end] === BACKSLASH && end > at + 1)) this.#unusual(at);
  }

  /** At this quote begins a reference to a version, a search, one that is written with escapes, or none at all. */
  #unusual(start: number): void {
    const bytes = this.#bytes;
    let end = start + 1;
    while (end < bytes.length && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
    const reference = parseReference(JSON.parse(latin1(bytes, start, end + 1)) as string);
    if (!('type' in reference) || !goesAlong(reference.type)) return;
    if (reference.kind === 'literal') this.#add(`${reference.type}/${reference.id}`);
    else this.#marks |= MARK.reference;
  }

  #add(reference: string): void {
    this.#references ??= [];
    if (!this.#references.includes(reference)) this.#references.push(reference);
  }

  #isMetaFound(): boolean {
    const bytes = this.#bytes;
    if (this.#metas === 0 || metaStart(bytes, 0, bytes.length) === -1) return false;
    if (this.#metas === 1) return true;
    // Of two in the root the last one counts.
    const text = Buffer.from(bytes).toString();
    return objectAt(text, rootStart(text)).properties.filter(({ key }) => key === 'meta').length === 1;
  }
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while ((bytes[at] ?? QUOTE) <= SPACE) at++;
  return at;
}

/** Of a string that begins as a date does, or is a year; else NO_YEAR. */
function yearAt(bytes: Uint8Array, at: number): number {
  const behind = bytes[at + 4];
  if (behind !== HYPHEN && behind !== QUOTE) return NO_YEAR;
  let year = 0;
  for (let index = at; index < at + 4; index++) {
    const digit = (bytes[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return NO_YEAR;
    year = year * 10 + digit;
  }
  return year;
}

/** Behind a backslash: an escape for what names and dates are made of. Signs beside the letters are taken for such, too. */
function isEscapedName(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== LOWER_U || bytes[at + 1] !== ZERO || bytes[at + 2] !== ZERO) return false;
  const high = bytes[at + 3] ?? 0;
  const low = (bytes[at + 4] ?? 0) | LOWER;
  if (high === TWO) return low === LOWER_D;
  if (high === THREE) return low <= LOWER_A;
  return high >= FOUR && high <= SEVEN;
}

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
