import { describe, expect, it } from '@jest/globals';
import { isTooDeep, storableJson } from '../../../fhir/storable-json.ts';

describe('storableJson', () => {
  it.each([
    ['"a\\u0000b"', '"a\\ufffdb"'],
    ['"\\\\u0000"', '"\\\\u0000"'],
    ['"\\ud83d\\uDE00"', '"\\ud83d\\uDE00"'],
    ['"\\ude00\\ud83d"', '"\\ufffd\\ufffd"'],
    ['"\\ud83d\\ud83d\\ude00"', '"\\ufffd\\ud83d\\ude00"'],
    ['{"\\u0000":"\\n\\"é😀"}', '{"\\ufffd":"\\n\\"é😀"}'],
  ])('makes of %s', (given, expected) => {
    expect(storableJson(given)).toBe(expected);
  });
});

describe('isTooDeep', () => {
  it('counts objects and lists within each other', () => {
    expect(isTooDeep([{ a: [1] }], 3)).toBe(false);
    expect(isTooDeep([{ a: [1] }], 2)).toBe(true);
    expect(isTooDeep('text', 0)).toBe(false);
  });
});
