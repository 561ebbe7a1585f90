import { describe, expect, it } from '@jest/globals';
import { askedOf, KINDS } from '../../../bench/membership/asked.ts';
import { insured } from '../../../bench/membership/insured.ts';

const many = Array.from({ length: 2000 }, (_, index) => insured(index));

describe('the members of a large payer', () => {
  it('have each a number of their own, and households one card', () => {
    expect(new Set(many.map(({ memberNumber }) => memberNumber)).size).toBe(2000);
    expect(new Set(many.map(({ subscriberId }) => subscriberId)).size).toBe(800);
    for (const { memberNumber, subscriberId } of many) expect(memberNumber.startsWith(subscriberId)).toBe(true);
  });

  it('have names that many share', () => {
    const counts = new Map<string, number>();
    for (const { family } of many) counts.set(family, (counts.get(family) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBeGreaterThan(15);
    expect(counts.size).toBeGreaterThan(300);
  });

  it('have twins with names of their own', () => {
    const [one, other] = [insured(8), insured(9)];
    expect(one.birthDate).toBe(other.birthDate);
    expect(one.family).toBe(other.family);
    expect(one.given[0]).not.toBe(other.given[0]);
  });
});

describe('what is asked for', () => {
  it.each([10_000, 100_000, 1_000_000])('is nobody twice among %i members', (members) => {
    const turns = 1200;
    const asked = KINDS.flatMap((kind) =>
      Array.from({ length: turns }, (_, turn) => askedOf(kind, { turn, turns, members }).member.patientId),
    );
    expect(new Set(asked).size).toBe(asked.length);
  });
});
