import { metaStart } from '../../fhir/stored-bytes.ts';
import type { BatchRecord, RecordBatch } from '../../store/record-batch.ts';
import type { StoredLine } from './line-buffer.ts';

/**
 * A batch looked over as a whole: which of its records are such that they may go out as they are stored. What is looked for
 * is of ASCII alone, so that a string of one character for each byte will do.
 */
export class BatchLook {
  /** Its places are those of the batch's bytes. */
  readonly text: string;
  readonly #bytes: Buffer;
  readonly #records: readonly BatchRecord[];
  readonly #isTold: boolean[];

  constructor({ bytes, records }: RecordBatch, telltales: RegExp) {
    this.text = bytes.toString('latin1');
    this.#bytes = bytes;
    this.#records = records;
    this.#isTold = records.map(() => false);
    this.#mark(telltales);
  }

  /** Undefined where the record has to be looked at by itself. */
  storedLine(index: number): StoredLine | undefined {
    const record = this.#records[index];
    if (record === undefined || this.#isTold[index] === true) return undefined;
    const at = metaStart(this.#bytes, record.start, record.end);
    return at === -1 ? undefined : { bytes: this.#bytes, record, metaStart: at };
  }

  /** Index of the last record that begins before this place. */
  indexAt(place: number): number {
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#records[middle]?.start ?? Infinity) <= place) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The pattern is global: behind the record that it tells of, it goes on. */
  #mark(pattern: RegExp): void {
    pattern.lastIndex = 0;
    for (let index = 0; pattern.test(this.text);) {
      const found = pattern.lastIndex - 1;
      while ((this.#records[index]?.end ?? Infinity) <= found) index++;
      const record = this.#records[index];
      if (record === undefined) continue;
      // Between two texts stand ids, which tell nothing.
      if (found >= record.start) this.#isTold[index] = true;
      pattern.lastIndex = found >= record.start ? record.end : found + 1;
    }
  }
}
