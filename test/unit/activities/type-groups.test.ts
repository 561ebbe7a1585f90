import { describe, expect, it } from '@jest/globals';
import { typeGroups } from '../../../activities/responder/type-groups.ts';

const groupsOf = (counts: Readonly<Record<string, number>>) => typeGroups(new Map(Object.entries(counts)));

describe('the types that one step writes', () => {
  it('are all of them where there is little to write', () => {
    expect(groupsOf({ Goal: 10, Observation: 3000 })).toEqual([['Observation', 'Goal']]);
    expect(groupsOf({})).toEqual([]);
  });

  it('are half of what there is for each of two lanes', () => {
    expect(groupsOf({ Claim: 4000, Encounter: 5000, Goal: 1, Observation: 8000 })).toEqual([
      ['Encounter', 'Claim'],
      ['Observation', 'Goal'],
    ]);
  });

  it('are so few that a step that fails does not begin with very many records anew', () => {
    const counts = { Claim: 90_000, Condition: 30_000, Encounter: 40_000, Goal: 7000, Observation: 120_000 };
    const groups = groupsOf(counts);
    expect(groups.slice(0, 2)).toEqual([['Observation'], ['Claim']]);
    expect(groups).toHaveLength(Object.keys(counts).length);
  });

  it('are each in one step', () => {
    const counts = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`Type${n}`, 1000 * n]));
    const groups = groupsOf(counts);
    expect(groups.flat().sort()).toEqual(Object.keys(counts).sort());
    expect(groups).toHaveLength(10);
    const sizes = groups.map((types) => types.reduce((sum, type) => sum + (counts[type] ?? 0), 0));
    expect(Math.max(...sizes)).toBeLessThan(50_000);
    expect(sizes[0]).toBe(Math.max(...sizes));
  });
});
