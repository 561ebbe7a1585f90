import { describe, expect, it } from '@jest/globals';
import { isPlainText } from '../../../fhir/plain-text.ts';

const isPlain = (text: string, type = 'Observation'): boolean => isPlainText(type, text, 2022);

describe('a text that no rule of disclosure touches', () => {
  it.each(['"2022-01-01"', '"2026"', '"2100-05"', '"text of 1999"', '"20210"', '{"value":1999}'])(
    'is one with %s',
    (text) => {
      expect(isPlain(text)).toBe(true);
    },
  );

  it.each([
    '"2021-12-31"',
    '"2021"',
    '"2019-05"',
    '"1974-12-25T00:00:00Z"',
    '{"meta":{"security":[]}}',
    '"\\u0073ecurity"',
  ])('is not told of one with %s', (text) => {
    expect(isPlain(text)).toBe(false);
  });

  it('is not told of a claim', () => {
    expect(isPlain('{}', 'ExplanationOfBenefit')).toBe(false);
  });
});
