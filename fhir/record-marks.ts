import { CLAIM_TYPES } from './claim-types.ts';
import { parseReference } from './identifiers.ts';
import { findPropertyAt, objectAt, rootStart, stringAt } from './json-text.ts';
import type { JsonProperty } from './json-text.ts';
import { listedConditional, LONGEST_LISTED } from './listed-references.ts';
import { goesAlong, OPEN_TYPES } from './open-types.ts';
import { isRecord } from './parameters.ts';
import { CLAIM_WORDS, SERVER_META } from './plain-text.ts';
import { lastDay, serviceEnd } from './service-date.ts';

/**
 * What is kept of a stored text beside it, so that what reads very many need not look into most of them. A change of what
 * is marked comes with a migration that forgets the marks there are, on the records and on their pages: what has none is read.
 */
export interface RecordMarks {
  /**
   * In the low 11 bits the earliest year that stands in the text as that of a date, NO_YEAR for none; above them MARK, and
   * above these the day on which the service ended (`dayNumber`), where that was looked for.
   */
  readonly marks: number;
  /**
   * What goes along with the record, by id or by what identifies it (`listedReference`): each once, with a space between
   * two; undefined for nothing.
   */
  readonly sharedReferences: string | undefined;
}

const NO_YEAR = 0x7ff;
const YEAR_BITS = NO_YEAR;
/** Counts for all behind it. */
const LAST_YEAR = NO_YEAR - 1;
/** Sixteen bits: nothing for a day that is not known, LASTS for a service that has no end, else a `dayNumber`. */
const END_SHIFT = 15;
const END_BITS = 0xffff;
const LASTS = END_BITS;
const FIRST_YEAR = 1970;
const [MONTHS, DAYS] = [12, 31];
/** Of younger dates the end of the service is not looked for: no look-back that is usual cuts there, and none soon. */
const YOUNG_YEARS = 5;

/** Where it is not certain, the mark is set: what has it is read. */
export const MARK = {
  /** `metaStart` does not find the root's `meta`, or what the store sets in it may be there already. */
  meta: 1 << 11,
  /** A label may stand in it, or a name that is written with escapes. */
  label: 1 << 12,
  /** A word by which prior authorizations and amounts are known, in whatever type. */
  claim: 1 << 13,
  /** It refers to something that goes along in a way that is not listed; once that was by whatever identifies it. */
  reference: 1 << 14,
} as const;

/** Every mark, as of a text that was never looked at. */
export const ALL_MARKS = MARK.meta | MARK.label | MARK.claim | MARK.reference;

/**
 * Of a text without these marks its dates decide: it goes out as it is where it names no year before `fromYear`, or where its
 * service ended on `fromDay` (`dayNumber`) or later; it is withheld by the look-back where that was before.
 */
export interface Unmarked {
  readonly mask: number;
  readonly fromYear: number;
  readonly fromDay: number;
}

export function isUnmarked(marks: number | undefined, { mask, fromYear, fromDay }: Unmarked): boolean {
  if (marks === undefined || (marks & mask) !== 0) return false;
  return (marks & YEAR_BITS) >= fromYear || (endOf(marks) > 0 && endOf(marks) >= fromDay);
}

/** Whether a text without these marks is withheld by the look-back. */
export function isOver(marks: number | undefined, { mask, fromDay }: Unmarked): boolean {
  if (marks === undefined || (marks & mask) !== 0) return false;
  return endOf(marks) > 0 && endOf(marks) < fromDay;
}

/** `isUnmarked` in SQL, on a column of marks; not true where it is NULL. */
export function isUnmarkedSql(column: string, { mask, fromYear, fromDay }: Unmarked): string {
  return `${column} & ${mask} = 0 AND (${column} & ${YEAR_BITS} >= ${fromYear} OR ${endSql(column)} >= ${Math.max(fromDay, 1)})`;
}

/** `isOver` in SQL, on a column of marks; not true where it is NULL. */
export function isOverSql(column: string, { mask, fromDay }: Unmarked): string {
  return `${column} & ${mask} = 0 AND ${endSql(column)} BETWEEN 1 AND ${fromDay - 1}`;
}

const endSql = (column: string): string => `(${column} >> ${END_SHIFT}) & ${END_BITS}`;

/**
 * Of `2019-02-31` and the like: a greater one for each later day, as if every month had 31, the first one of FIRST_YEAR being
 * 32; zero for those that have none.
 */
export function dayNumber(day: string): number {
  const [, year = '', month = '', dayOfMonth = ''] = /^(\d{4})-(\d{2})-(\d{2})/.exec(day) ?? [];
  const isDay = Number(month) >= 1 && Number(month) <= MONTHS && Number(dayOfMonth) >= 1 && Number(dayOfMonth) <= DAYS;
  const number = ((Number(year) - FIRST_YEAR) * MONTHS + Number(month)) * DAYS + Number(dayOfMonth);
  return isDay && number >= 1 && number < LASTS ? number : 0;
}

const endOf = (marks: number): number => (marks >> END_SHIFT) & END_BITS;

/** Whether all that goes along with the record is listed beside it. */
export const isListed = (marks: number | undefined): boolean => marks !== undefined && (marks & MARK.reference) === 0;

/** Whether what the store sets in the root's `meta` can be set where `metaStart` says. */
export const hasPlainMeta = (marks: number | undefined): boolean => marks !== undefined && (marks & MARK.meta) === 0;

/** To whom no rule applies: the store has to find where its own `meta` belongs, and that is all. */
export const FOR_OPERATORS: Unmarked = { mask: MARK.meta, fromYear: 0, fromDay: 0 };

/** `fromYear`: the first year of which a look-back keeps every day; `fromDay`: the first day that it keeps. */
export function forPartners(type: string, fromYear: number, fromDay: number): Unmarked {
  const mask = MARK.meta | MARK.label;
  return { mask: CLAIM_TYPES.has(type) ? mask | MARK.claim : mask, fromYear, fromDay };
}

const MARK_OF_WORD: ReadonlyMap<string, number> = new Map([
  ...SERVER_META.map((word) => [word, MARK.meta] as const),
  ...CLAIM_WORDS.map((word) => [word, MARK.claim] as const),
  ['security', MARK.label],
]);
const ONE_OF = { word: ['meta', ...MARK_OF_WORD.keys()].join('|'), type: [...OPEN_TYPES, 'Device'].join('|') };

/**
 * One pattern, since every record that is written is looked through: a string that begins as a date, a word, a reference to
 * what goes along or with an escape in its type, an escape for what names and dates are made of (signs beside the letters
 * are taken for such, too).
 */
const TOLD = new RegExp(
  `"(?:\\d{4}(?:"|-\\d\\d)|(?:${ONE_OF.word})"|reference"\\s*:\\s*"(?:(?:${ONE_OF.type})[/?]|[A-Z][A-Za-z]*\\\\))` +
    '|\\\\u00(?:2[dD]|3[0-9aA]|[4-7])',
  'g',
);
const ID_TO_QUOTE = /[A-Za-z0-9\-.]{1,64}"/y;
const IDENTIFIER = 'identifier=';
/** Without a sign that means something to JSON, to a URL, to a search or to the list: it is listed as it is. */
const PLAIN_IDENTIFIER_TO_QUOTE = new RegExp(`${IDENTIFIER}[!#$'-+\\--[\\]-{}~]+\\|[!#$'-+\\--[\\]-{}~]+"`, 'y');

/** As almost every server writes it. */
const BEGINS_WITH_META = /^\{"resourceType":"[A-Za-z]+","id":"[A-Za-z0-9\-.]+","meta":\{"/;

/** Of the text of a resource. `thisYear`: of services that ended lately the end is not looked for; absent: it always is. */
export function marksOf(text: string, thisYear = Infinity): RecordMarks {
  const references: string[] = [];
  let marks = 0;
  let earliest = NO_YEAR;
  let metas = 0;
  TOLD.lastIndex = 0;
  while (TOLD.test(text)) {
    // What was found is told by its end: groups would be made anew each time.
    const end = TOLD.lastIndex;
    const year = yearUpTo(text, end);
    const last = text.charAt(end - 1);
    if (year !== undefined) earliest = Math.min(earliest, year, LAST_YEAR);
    else if (last === '"') {
      const word = text.slice(text.lastIndexOf('"', end - 2) + 1, end - 1);
      if (word === 'meta') metas++;
      else marks |= MARK_OF_WORD.get(word) ?? 0;
    } else if (last === '/' || last === '?' || last === '\\') {
      marks |= addReference(text, end, text.slice(text.lastIndexOf('"', end - 1) + 1, end), references);
    } else marks |= MARK.meta | MARK.label;
  }
  if (!isMetaFound(text, metas)) marks |= MARK.meta;
  if (earliest !== NO_YEAR && earliest <= thisYear - YOUNG_YEARS) marks |= endMark(text);
  return { marks: marks | earliest, sharedReferences: references.length === 0 ? undefined : references.join(' ') };
}

/** Of `"2024"` or the beginning of `"2024-05"` that ends here; undefined where something else does. */
function yearUpTo(text: string, end: number): number | undefined {
  const quote = text.charAt(end - 1) === '"' ? end - 6 : end - 8;
  if (text.charAt(quote) !== '"') return undefined;
  let year = 0;
  for (let at = quote + 1; at < quote + 5; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    year = year * 10 + digit;
  }
  return year;
}

const ZERO = 0x30;

function endMark(text: string): number {
  const resource: unknown = JSON.parse(text);
  const end = isRecord(resource) ? serviceEnd(resource) : undefined;
  return (end === undefined ? LASTS : dayNumber(lastDay(end))) << END_SHIFT;
}

/** `begun`: what stands before `at` in the string. As `sharedReferences` finds it; answers a mark, or none. */
function addReference(text: string, at: number, begun: string, references: string[]): number {
  const plainFrom = plainFromOf(text, at, begun);
  if (plainFrom !== undefined) {
    // Joined, not sliced: a slice would keep the whole text in memory.
    addOnce(references, [begun, text.slice(plainFrom, text.indexOf('"', plainFrom))].join(''));
    return 0;
  }
  const reference = parseReference(stringAt(text, at - begun.length - 1));
  if (!('type' in reference) || !goesAlong(reference.type)) return 0;
  const listed =
    reference.kind === 'literal'
      ? `${reference.type}/${reference.id}`
      : reference.identifier && listedConditional(reference.type, reference.identifier);
  if (listed === undefined) return MARK.reference;
  addOnce(references, listed);
  return 0;
}

/** Where that begins which is listed behind the type just as it is written, as almost all is; undefined of others. */
function plainFromOf(text: string, at: number, begun: string): number | undefined {
  const isLiteral = begun.endsWith('/');
  if (!isLiteral && !begun.endsWith('?')) return undefined;
  const pattern = isLiteral ? ID_TO_QUOTE : PLAIN_IDENTIFIER_TO_QUOTE;
  pattern.lastIndex = at;
  if (!pattern.test(text) || pattern.lastIndex - at > LONGEST_LISTED) return undefined;
  return isLiteral ? at : at + IDENTIFIER.length;
}

function addOnce(references: string[], reference: string): void {
  if (!references.includes(reference)) references.push(reference);
}

/** By `metaStart`. `metas`: how often the word stands in the text; of two in the root the last one counts. */
function isMetaFound(text: string, metas: number): boolean {
  if (metas === 0) return false;
  if (metas === 1 && BEGINS_WITH_META.test(text)) return true;
  const start = rootStart(text);
  const found = metas === 1 ? findPropertyAt(text, start, 'meta') : onlyPropertyAt(text, start, 'meta');
  return found !== undefined && text.startsWith('"meta":{"', found.keyStart);
}

function onlyPropertyAt(text: string, start: number, name: string): JsonProperty | undefined {
  const [found, ...others] = objectAt(text, start).properties.filter(({ key }) => key === name);
  return others.length === 0 ? found : undefined;
}
