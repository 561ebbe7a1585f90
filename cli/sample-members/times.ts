export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Providers of the samples are five hours behind UTC, all year round. */
const ZONE = { offset: -5 * HOUR, text: '-05:00' };

/** @throws RangeError when the text is no `YYYY-MM-DD` */
export function timeOf(date: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(time)) throw new RangeError(`no date: ${date}`);
  return time;
}

export function dateText(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

export function instantText(time: number): string {
  return new Date(time).toISOString();
}

/** As a provider's system writes it: local time with its offset, no fraction. */
export function localText(time: number): string {
  return new Date(time + ZONE.offset).toISOString().slice(0, 19) + ZONE.text;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

export function periodOf({ start, end }: Span): { start: string; end: string } {
  return { start: localText(start), end: localText(end) };
}

export function datePeriodOf({ start, end }: Span): { start: string; end: string } {
  return { start: dateText(start), end: dateText(end) };
}
