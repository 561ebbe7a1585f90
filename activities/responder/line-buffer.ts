import type { BatchRecord } from '../../store/record-batch.ts';

const NEWLINE = 10;

/** What a record's line is made of, where it goes out as it is stored. */
export interface StoredLine {
  readonly bytes: Buffer;
  readonly record: BatchRecord;
  /** Where `record.metaStamp` goes. */
  readonly metaStart: number;
}

/** Lines of NDJSON as bytes, in two buffers that take turns: one is filled while the other one is written. */
export class LineBuffer {
  #bytes: Buffer;
  #other: Buffer;
  #length = 0;

  /** It grows where a line needs it. */
  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
    this.#other = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  addText(line: string): void {
    this.#makeRoomFor(Buffer.byteLength(line) + 1);
    this.#length += this.#bytes.write(line, this.#length);
    this.#endLine();
  }

  addStored({ bytes, record, metaStart }: StoredLine): void {
    const { start, end, metaStamp } = record;
    this.#makeRoomFor(end - start + metaStamp.length + 1);
    this.#copy(bytes, start, metaStart);
    this.#copy(metaStamp, 0, metaStamp.length);
    this.#copy(bytes, metaStart, end);
    this.#endLine();
  }

  /** The lines so far; they stay as they are until the next ones are taken. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    [this.#bytes, this.#other] = [this.#other, this.#bytes];
    this.#length = 0;
    return taken;
  }

  #copy(from: Buffer, start: number, end: number): void {
    this.#length += from.copy(this.#bytes, this.#length, start, end);
  }

  #endLine(): void {
    this.#bytes[this.#length++] = NEWLINE;
  }

  #makeRoomFor(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
