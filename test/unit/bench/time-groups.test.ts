import { describe, expect, it } from '@jest/globals';
import { timeGroups } from '../../../bench/time-groups.ts';

const SECOND = 1_000_000;
const seconds = (from: number, to: number) => ({ from: from * SECOND, to: to * SECOND });
const sample = (at: number, active: boolean) => ({ at: at * SECOND, active });

describe('where the time of a span goes', () => {
  it('counts threads that are busy at one time once', () => {
    const busy = [seconds(1, 4), seconds(2, 3), seconds(3, 5)];
    expect(timeGroups(seconds(0, 10), busy, [])).toEqual({ javascript: 4, postgres: 0, other: 6 });
  });

  it('counts Postgres only while no thread is busy', () => {
    const samples = [sample(0, false), sample(2, true), sample(6, false)];
    expect(timeGroups(seconds(0, 10), [seconds(1, 4)], samples)).toEqual({ javascript: 3, postgres: 2, other: 5 });
  });

  it('leaves out what lies outside the span', () => {
    const samples = [sample(0, true), sample(20, false)];
    expect(timeGroups(seconds(5, 10), [seconds(0, 6), seconds(9, 12)], samples)).toEqual({
      ...{ javascript: 2, postgres: 3, other: 0 },
    });
  });
});
