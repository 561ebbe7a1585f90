import { describe, expect, it } from '@jest/globals';
import { specOf } from '../../../temporal/repetition-schedules.ts';

const DAY_MS = 86_400_000;
const spec = (months: number, days: number, createdAt: string, until?: string) =>
  specOf({
    ...{ taskId: 'first', every: { months, days }, createdAt: new Date(createdAt) },
    until: until === undefined ? undefined : new Date(until),
  });

describe('a repetition every so many days', () => {
  it('counts from the instant at which it was asked for', () => {
    const createdAt = '2026-11-21T08:30:15.000Z';
    const { intervals, startAt } = spec(0, 7, createdAt);
    const offset = Number(intervals?.[0]?.offset);
    expect(intervals).toEqual([{ every: 7 * DAY_MS, offset }]);
    expect((Date.parse(createdAt) - offset) % (7 * DAY_MS)).toBe(0);
    expect(startAt).toEqual(new Date('2026-11-21T08:30:16.000Z'));
  });
});

describe('a repetition every so many months', () => {
  it('comes on the same day at the same time, in every third month', () => {
    expect(spec(3, 0, '2026-11-21T08:30:15.000Z').calendars).toEqual([
      {
        month: ['FEBRUARY', 'MAY', 'AUGUST', 'NOVEMBER'],
        ...{ dayOfMonth: 21, hour: 8, minute: 30, second: 15 },
      },
    ]);
  });

  it('comes in every month where the month has no such day', () => {
    const [calendar] = spec(1, 0, '2027-01-31T00:00:00.000Z').calendars ?? [];
    expect(calendar?.dayOfMonth).toBe(28);
    expect(calendar?.month).toHaveLength(12);
  });
});

describe('a repetition with an end', () => {
  it('does not come after it', () => {
    expect(spec(0, 1, '2026-11-21T00:00:00Z', '2026-12-24T23:59:59.999Z').endAt).toEqual(
      new Date('2026-12-24T23:59:59.999Z'),
    );
  });
});
