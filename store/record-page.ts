import { ALL_MARKS, isOver, isUnmarked } from '../fhir/record-marks.ts';
import type { Unmarked } from '../fhir/record-marks.ts';
import { RUN_RECORD_BYTES } from './record-run.ts';
import type { RecordRun } from './record-run.ts';

/** Their texts are a hundred kilobytes, which is what the database sends fastest. A row has to fit into a byte. */
export const PAGE_RECORDS = 64;

/** What a page keeps of one record, and where the record stands on it. */
export interface PageRecord {
  readonly row: number;
  readonly id: string;
  /** No export shows it: a tombstone, or evidence. */
  readonly isHidden: boolean;
  readonly marks: number | undefined;
  /** Of its text. */
  readonly bytes: number;
  readonly sharedReferences: string | undefined;
}

/** Columns of `record_page`. */
export interface PageColumns {
  readonly ids: string;
  readonly records: Buffer;
  readonly sharedReferences: string | undefined;
}

/** Of `records` of a page. */
export const RECORD_BYTES = 16;
/** A byte: the last one of the integer. */
const ROW_AT = 3;
const ROW_BITS = 8;
const ROW_MASK = (1 << ROW_BITS) - 1;
const HIDDEN = -1;
const LIST_END = '\n';

/**
 * Of each record four integers: its row, and above that the length of its id; its marks (all of them where they are not
 * known); its bytes; and which list goes along with it, from one, zero for none.
 */
export function pageColumns(records: readonly PageRecord[]): PageColumns {
  const lists = new Map<string, number>();
  const bytes = Buffer.allocUnsafe(records.length * RECORD_BYTES);
  let at = 0;
  for (const { row, id, isHidden, marks = ALL_MARKS, bytes: length, sharedReferences } of records) {
    at = bytes.writeInt32BE((id.length << ROW_BITS) | row, at);
    at = bytes.writeInt32BE(isHidden ? HIDDEN : marks, at);
    at = bytes.writeInt32BE(length, at);
    at = bytes.writeInt32BE(listNumber(lists, sharedReferences), at);
  }
  return {
    ids: records.map(({ id }) => id).join(' '),
    records: bytes,
    sharedReferences: lists.size === 0 ? undefined : [...lists.keys()].join(LIST_END),
  };
}

function listNumber(lists: Map<string, number>, list: string | undefined): number {
  if (list === undefined) return 0;
  const number = lists.get(list) ?? lists.size + 1;
  lists.set(list, number);
  return number;
}

export interface RecordPage extends Pick<RecordRun, 'page' | 'patientId' | 'version' | 'lastUpdated'> {
  /** As the column has them. */
  readonly records: Buffer;
  readonly sharedReferences: string | undefined;
  /** Of what the store adds to the text of each. */
  readonly addedBytes: number;
}

export interface RunsAsked {
  readonly unmarked: Unmarked;
  readonly recordsPerRun: number;
  /** Whether the record at this place takes part; absent: all of them do. */
  readonly isShown?: ((place: number) => boolean) | undefined;
}

/** What becomes of the records of a page, by their marks: its rows as runs, in their order. */
export function runsOfPage(page: RecordPage, { unmarked, recordsPerRun, isShown }: RunsAsked): readonly RecordRun[] {
  const { records } = page;
  const all = records.length / RECORD_BYTES;
  const parts = { unmarked: new PartOfPage(page), over: new PartOfPage(page), rest: new PartOfPage(page) };
  const runs: RecordRun[] = [];
  for (let place = 0; place < all; place++) {
    const at = place * RECORD_BYTES;
    const marks = records.readInt32BE(at + 4);
    if (marks === HIDDEN || isShown?.(place) === false) continue;
    const bytes = records.readInt32BE(at + 8);
    const kind = kindOf(marks, bytes, unmarked);
    const part = parts[kind];
    part.add(records.readInt32BE(at), bytes, records.readInt32BE(at + 12));
    if (part.count >= recordsPerRun && part.count < all) runs.push(part.take(kind, all));
  }
  for (const kind of ['unmarked', 'over', 'rest'] as const) {
    if (parts[kind].count > 0) runs.push(parts[kind].take(kind, all));
  }
  return runs;
}

function kindOf(marks: number, bytes: number, unmarked: Unmarked): RecordRun['kind'] {
  if (isOver(marks, unmarked)) return 'over';
  return bytes <= RUN_RECORD_BYTES && isUnmarked(marks, unmarked) ? 'unmarked' : 'rest';
}

/** Rows of one kind on their way into a run. */
class PartOfPage {
  readonly #page: RecordPage;
  #rows: number[] = [];
  #bytes = 0;
  #idBytes = 0;
  /** The last list that was met: most records go with the same as the one before. */
  #list = 0;
  readonly #lists = new Set<number>();

  constructor(page: RecordPage) {
    this.#page = page;
  }

  get count(): number {
    return this.#rows.length;
  }

  add(rowAndId: number, bytes: number, list: number): void {
    this.#rows.push(rowAndId & ROW_MASK);
    this.#idBytes += rowAndId >> ROW_BITS;
    this.#bytes += bytes;
    if (list === this.#list) return;
    this.#list = list;
    this.#lists.add(list);
  }

  /** `all`: so many records stand on the page. */
  take(kind: RecordRun['kind'], all: number): RecordRun {
    const { page, patientId, version, lastUpdated, addedBytes } = this.#page;
    const count = this.#rows.length;
    const rows = kind === 'unmarked' && count === all ? '' : this.#rows.join(' ');
    const bytes = this.#bytes + count * addedBytes;
    const sharedReferences = kind === 'unmarked' ? this.#references(rows === '') : undefined;
    const idBytes = this.#idBytes;
    [this.#rows, this.#bytes, this.#idBytes, this.#list] = [[], 0, 0, 0];
    this.#lists.clear();
    return { kind, page, rows, patientId, version, lastUpdated, count, bytes, idBytes, sharedReferences };
  }

  #references(isWhole: boolean): string | undefined {
    const { sharedReferences } = this.#page;
    if (sharedReferences === undefined) return undefined;
    const lists = sharedReferences.split(LIST_END);
    const taken = isWhole ? lists : lists.filter((_, index) => this.#lists.has(index + 1));
    return taken.length === 0 ? undefined : taken.join(' ');
  }
}

/** The ids of rows of a page, in their order, with a space between two. `rows`, `ids`, `records`: as runs and columns have them. */
export function idsOfRows(rows: string, ids: string, records: Buffer): string {
  if (rows === '') return ids;
  const wanted = new Set<number | undefined>(rows.split(' ').map(Number));
  const isWanted = (_: string, place: number): boolean => wanted.has(records[place * RECORD_BYTES + ROW_AT]);
  return ids.split(' ').filter(isWanted).join(' ');
}
