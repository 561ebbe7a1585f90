const PARTS = 3;
const FIRST_PLACES = 4096;
/** 25 MB: a million ids. */
const MOST_PLACES = 2 ** 21;

/**
 * Ids that are hexadecimal digits of a hash, by their first 96 bits, outside the heap: 24 bytes for each. Holds a million
 * of them, and takes no more.
 */
export class IdSet {
  readonly #digits = Buffer.alloc(4 * PARTS);
  #table = new Int32Array(PARTS * FIRST_PLACES);
  #size = 0;

  has(id: string): boolean {
    this.#read(id);
    return !this.#isFree(this.#place());
  }

  add(id: string): void {
    const places = this.#table.length / PARTS;
    // A place is found quickly while every second one is free.
    if (2 * this.#size >= places) {
      if (places === MOST_PLACES) return;
      this.#grow();
    }
    this.#read(id);
    const place = this.#place();
    if (!this.#isFree(place)) return;
    for (let part = 0; part < PARTS; part++) this.#table[place + part] = this.#part(part);
    this.#size += 1;
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Int32Array(2 * before.length);
    for (let from = 0; from < before.length; from += PARTS) {
      const entry = before.subarray(from, from + PARTS);
      if (entry.every((part) => part === 0)) continue;
      entry.forEach((part, index) => this.#digits.writeInt32LE(part, 4 * index));
      this.#table.set(entry, this.#place());
    }
  }

  #read(id: string): void {
    this.#digits.write(id, 0, 'hex');
  }

  #part(part: number): number {
    return this.#digits.readInt32LE(4 * part);
  }

  /** Where the id that was read stands, or would stand. */
  #place(): number {
    const places = this.#table.length / PARTS;
    for (let place = this.#part(0) & (places - 1); ; place = (place + 1) & (places - 1)) {
      const at = PARTS * place;
      if (this.#isFree(at) || this.#holds(at)) return at;
    }
  }

  #isFree(at: number): boolean {
    return this.#table[at] === 0 && this.#table[at + 1] === 0 && this.#table[at + 2] === 0;
  }

  #holds(at: number): boolean {
    for (let part = 0; part < PARTS; part++) if (this.#table[at + part] !== this.#part(part)) return false;
    return true;
  }
}
