import { expect, it } from '@jest/globals';
import { instantRange } from '../../../api/fhir-rest/instant-range.ts';

it.each([
  ['2026', ['ge 2026-01-01T00:00:00.000Z', 'lt 2027-01-01T00:00:00.000Z']],
  ['2026-02', ['ge 2026-02-01T00:00:00.000Z', 'lt 2026-03-01T00:00:00.000Z']],
  ['2026-12-31', ['ge 2026-12-31T00:00:00.000Z', 'lt 2027-01-01T00:00:00.000Z']],
  ['gt2026-12-31', ['ge 2027-01-01T00:00:00.000Z']],
  ['le2026-12-31', ['lt 2027-01-01T00:00:00.000Z']],
  ['ge2026-12-31T10:00Z', ['ge 2026-12-31T10:00:00.000Z']],
  ['gt2026-12-31T10:00:00+02:00', ['ge 2026-12-31T08:00:01.000Z']],
  ['gt2026-12-31T10:00:00 02:00', ['ge 2026-12-31T08:00:01.000Z']],
  ['gt2026-12-31T10:00:00.123Z', ['ge 2026-12-31T10:00:00.124Z']],
  ['lt2026-12-31T10:00:00.123Z', ['lt 2026-12-31T10:00:00.123Z']],
])('reads %s as all of the time that it names', (value, expected) => {
  expect(instantRange(value).map(({ op, instant }) => `${op} ${instant}`)).toEqual(expected);
});

it.each(['', 'x', '2026-13-01', 'ap2026', '26', '2026-01-01T25:00:00Z'])('refuses %j', (value) => {
  expect(() => instantRange(value)).toThrow();
});
