import { describe, expect, it } from '@jest/globals';
import { LONGEST_RETRY_AFTER_MS, readRetryAfter } from '../../../fhir/retry-after.ts';

describe('Retry-After', () => {
  const now = Date.parse('1994-11-06T08:49:00Z');

  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 1.5 ', 1500],
    ['7200', 7_200_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 37_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 37_000],
    ['Sun Nov  6 08:49:37 1994', 37_000],
    ['Sun, 06 Nov 1994 08:48:00 GMT', 0],
  ])('%s is %i ms', (header, wait) => {
    expect(readRetryAfter(header, now)).toBe(wait);
  });

  it.each(['99999999999', 'Sun, 06 Nov 2094 08:49:37 GMT'])('%s is cut to the longest wait', (header) => {
    expect(readRetryAfter(header, now)).toBe(LONGEST_RETRY_AFTER_MS);
  });

  it.each([undefined, '', '-5', 'soon', '120s', 'Sun, 99 Foo 1994 08:49:37 GMT'])('%s says nothing', (header) => {
    expect(readRetryAfter(header, now)).toBeUndefined();
  });
});
