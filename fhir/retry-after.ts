/** Longer than any wait that a peer means; a header that says more is read as this. */
export const LONGEST_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

const SECONDS = /^\d+(?:\.\d+)?$/;
/** The three forms of an HTTP-date (RFC 9110, 5.6.7) begin with the day of the week. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * `Retry-After` as milliseconds from `now`: seconds or an HTTP-date. A date that has passed is 0, a longer wait than
 * `LONGEST_RETRY_AFTER_MS` is cut to it; undefined where the header is absent or says nothing that can be read.
 */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (SECONDS.test(text)) return bounded(Number(text) * 1000);
  if (!HTTP_DATE.test(text)) return undefined;
  // The asctime form names no zone; every HTTP-date is GMT.
  const date = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(date) ? undefined : bounded(date - now);
}

function bounded(milliseconds: number): number {
  return Math.round(Math.min(Math.max(milliseconds, 0), LONGEST_RETRY_AFTER_MS));
}
