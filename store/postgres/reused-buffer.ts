/** So that little longer ones need no memory anew. */
const STEP_BYTES = 128 * 1024;

/** Memory that is taken again and again, and grows to the most that was asked for. */
export class ReusedBuffer {
  #bytes = Buffer.alloc(0);
  /** The most that was taken since it was cleared. */
  #taken = 0;

  get size(): number {
    return this.#bytes.length;
  }

  /** So many bytes of it, which hold until the next ones are taken; what stands in them is of the former ones. */
  take(length: number): Buffer<ArrayBuffer> {
    if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(Math.ceil(length / STEP_BYTES) * STEP_BYTES);
    this.#taken = Math.max(this.#taken, length);
    return this.#bytes.subarray(0, length);
  }

  /** Nothing of the former ones stands in it any more. */
  clear(): void {
    this.#bytes.fill(0, 0, this.#taken);
    this.#taken = 0;
  }
}
