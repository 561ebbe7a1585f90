import { createHash } from 'node:crypto';

/** Draws that depend on the seed alone. */
export interface Random {
  /** Both ends may be drawn. */
  readonly integer: (from: number, to: number) => number;
  readonly chance: (probability: number) => boolean;
  /** @throws RangeError for an empty list */
  readonly pick: <T>(list: readonly T[]) => T;
  /** Some different elements, in the order of the list. */
  readonly some: <T>(list: readonly T[], count: number) => readonly T[];
  readonly digits: (count: number) => string;
  /** With exactly so many places: `1.50`. */
  readonly decimal: (from: number, to: number, places: number) => string;
}

/** Mulberry32, started from a hash so that seeds which look alike give unlike draws. */
export function createRandom(...seed: readonly (string | number)[]): Random {
  let state = createHash('sha256').update(JSON.stringify(seed)).digest().readUInt32LE(0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    // The index is inside the list, whatever T holds.
    return list[integer(0, list.length - 1)] as T;
  };
  return {
    integer,
    pick,
    chance: (probability) => next() < probability,
    some: (list, count) => {
      let wanted = Math.min(count, list.length);
      return list.filter((_, index) => {
        const isTaken = next() * (list.length - index) < wanted;
        if (isTaken) wanted--;
        return isTaken;
      });
    },
    digits: (count) => Array.from({ length: count }, () => integer(0, 9)).join(''),
    decimal: (from, to, places) => (from + next() * (to - from)).toFixed(places),
  };
}

/** Shaped like a UUID, but the same for the same parts. */
export function stableId(...parts: readonly (string | number)[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
