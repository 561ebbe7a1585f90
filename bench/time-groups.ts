import type { ActivitySample } from './database-activity.ts';

/** Of a profile's clock, in microseconds. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** Seconds of a span: each instant belongs to one of the three. */
export interface TimeGroups {
  /** A thread of the worker runs JavaScript. */
  readonly javascript: number;
  /** None does, and Postgres is at work. */
  readonly postgres: number;
  /** Neither: native code, files, the partner, Temporal. */
  readonly other: number;
}

/** Where the time of a span goes; a sample speaks for the time up to the next one. */
export function timeGroups(span: Interval, busy: readonly Interval[], samples: readonly ActivitySample[]): TimeGroups {
  const merged = mergedWithin(span, busy);
  const javascript = lengthOf(merged);
  const active = mergedWithin(
    span,
    samples.flatMap(({ at, active }, index) => (active ? [{ from: at, to: samples[index + 1]?.at ?? at }] : [])),
  );
  // Busy or active, less the busy ones: active alone.
  const postgres = lengthOf(mergedWithin(span, [...merged, ...active])) - javascript;
  const whole = span.to - span.from;
  return { javascript: javascript / 1e6, postgres: postgres / 1e6, other: (whole - javascript - postgres) / 1e6 };
}

function mergedWithin(span: Interval, intervals: readonly Interval[]): readonly Interval[] {
  const clipped = intervals
    .map(({ from, to }) => ({ from: Math.max(from, span.from), to: Math.min(to, span.to) }))
    .filter(({ from, to }) => from < to)
    .sort((one, other) => one.from - other.from);
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of clipped) {
    const last = merged.at(-1);
    if (last === undefined || from > last.to) merged.push({ from, to });
    else last.to = Math.max(last.to, to);
  }
  return merged;
}

const lengthOf = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, { from, to }) => sum + to - from, 0);
