import { Buffer } from 'node:buffer';

interface Word<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

/** Words of ASCII that are looked for in bytes, one place after the other; none of them begins another. */
export class ByteWords<T> {
  readonly #byFirst: (readonly Word<T>[] | undefined)[] = Array.from({ length: 256 }, () => undefined);

  constructor(words: Iterable<readonly [string, T]>) {
    for (const [word, value] of words) {
      const bytes = Uint8Array.from(Buffer.from(word, 'latin1'));
      const [first = 0] = bytes;
      this.#byFirst[first] = [...(this.#byFirst[first] ?? []), { bytes, value }];
    }
  }

  /** The value of the word that stands at this place. */
  at(bytes: Uint8Array, place: number): T | undefined {
    const words = this.#byFirst[bytes[place] ?? 0];
    if (words === undefined) return undefined;
    for (const word of words) if (standsAt(bytes, place, word.bytes)) return word.value;
    return undefined;
  }
}

function standsAt(bytes: Uint8Array, place: number, word: Uint8Array): boolean {
  for (let index = 1; index < word.length; index++) if (bytes[place + index] !== word[index]) return false;
  return true;
}
