import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { IdSet } from '../../../../activities/requester/id-set.ts';

const idOf = (number: number): string => createHash('sha256').update(String(number)).digest('hex').slice(0, 40);

describe('a set of ids', () => {
  it('holds what was added and nothing else, however often it grows', () => {
    const ids = new IdSet();
    for (let number = 0; number < 50_000; number++) {
      if (number % 2 === 0) ids.add(idOf(number));
      if (number % 4 === 0) ids.add(idOf(number));
    }
    const wrong = Array.from({ length: 50_000 }, (_, number) => number).filter(
      (number) => ids.has(idOf(number)) !== (number % 2 === 0),
    );
    expect(wrong).toEqual([]);
  });

  it('tells ids apart that begin alike', () => {
    const ids = new IdSet();
    const begin = '0123456789abcdef';
    ids.add(`${begin}00000001${'f'.repeat(16)}`);
    expect(ids.has(`${begin}00000001${'f'.repeat(16)}`)).toBe(true);
    expect(ids.has(`${begin}00000002${'f'.repeat(16)}`)).toBe(false);
    expect(ids.has(`${begin}00000000${'f'.repeat(16)}`)).toBe(false);
  });

  it('takes no more than a million, and keeps those', () => {
    const ids = new IdSet();
    // As if they were hashes: near numbers lie far apart.
    const numbered = (number: number): string =>
      (Math.imul(number, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0').padEnd(40, 'a');
    for (let number = 0; number < 1_100_000; number++) ids.add(numbered(number));
    expect([0, 1, 1_000_000].map((number) => ids.has(numbered(number)))).toEqual([true, true, true]);
    expect(ids.has(numbered(1_099_999))).toBe(false);
  });
});
