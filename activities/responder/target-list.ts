import type { NamedRun } from '../../store/export-part.ts';

/** Of whom and which a line is, for the Provenance of the export. */
export interface LineTarget {
  readonly member: string;
  readonly id: string;
}

/** The targets of a part's lines as it keeps them: `member<TAB>id id …`, a line for each run of one member's records. */
export class TargetLines {
  #text = '';
  #member: string | undefined;

  add({ member, id }: LineTarget): void {
    this.#text += member === this.#member ? ` ${id}` : `${this.#text === '' ? '' : '\n'}${member}\t${id}`;
    this.#member = member;
  }

  take(): string {
    const taken = this.#text === '' ? '' : `${this.#text}\n`;
    this.#text = '';
    this.#member = undefined;
    return taken;
  }
}

/** Lines that were kept, or name their records by ids. */
export interface TargetIds {
  readonly member: string;
  /** With a space between two. */
  readonly ids: string;
}

/** Lines of records on a page. */
export interface TargetRun extends Omit<NamedRun, 'type'> {
  readonly member: string;
  readonly count: number;
  /** Of all their ids. */
  readonly idBytes: number;
}

export type TargetLine = TargetIds | TargetRun;

function readTargetLine(line: string): TargetLine {
  const [member = '', first = '', records, count, idBytes] = line.split('\t');
  if (records === undefined) return { member, ids: first };
  return { member, page: BigInt(first), records, count: Number(count), idBytes: Number(idBytes) };
}

/** What was written of one type, in the order of the members that are looked up in one go. */
export class TargetList {
  readonly type: string;
  readonly #source: AsyncIterator<readonly string[], void>;
  #asked: Promise<IteratorResult<readonly string[], void>> | undefined;
  #read: readonly TargetLine[] = [];

  /** `source`: part after part, lines as those of `TargetLines`. */
  constructor(type: string, source: AsyncIterator<readonly string[], void>) {
    this.type = type;
    this.#source = source;
  }

  /** Asks for what comes next before it is needed. */
  begin(): void {
    if (this.#asked !== undefined) return;
    this.#asked = this.#source.next();
    // Whoever waits for it is told; until then nobody has to.
    this.#asked.catch(() => undefined);
  }

  /** Read on from where it has ended before. */
  async *upTo(last: string): AsyncGenerator<readonly TargetLine[]> {
    for (;;) {
      const end = this.#read.findIndex(({ member }) => member > last);
      const lines = end === -1 ? this.#read : this.#read.slice(0, end);
      this.#read = end === -1 ? [] : this.#read.slice(end);
      if (lines.length > 0) yield lines;
      if (end !== -1 || !(await this.#readOn())) return;
    }
  }

  /** False where there is nothing more. */
  async #readOn(): Promise<boolean> {
    this.begin();
    const next = await this.#asked;
    if (next?.value === undefined) return false;
    this.#asked = undefined;
    this.#read = next.value.map(readTargetLine);
    this.begin();
    return true;
  }
}
