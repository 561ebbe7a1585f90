const NEWLINE = 10;
const FIRST_BYTES = 64 * 1024;

/** Lines of NDJSON as bytes, in two buffers that take turns: one is filled while the other one is written. */
export class TextBuffer {
  #bytes = Buffer.alloc(0);
  #other = Buffer.alloc(0);
  #length = 0;

  /** Answers how many bytes the line takes, with its end. */
  add(line: string): number {
    const before = this.#length;
    this.#makeRoomFor(Buffer.byteLength(line) + 1);
    this.#length += this.#bytes.write(line, this.#length);
    this.#bytes[this.#length++] = NEWLINE;
    return this.#length - before;
  }

  /** The lines so far; they stay as they are until the next ones are taken. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    [this.#bytes, this.#other] = [this.#other, this.#bytes];
    this.#length = 0;
    return taken;
  }

  #makeRoomFor(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length, FIRST_BYTES));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
