import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonErrorOffset, lineOfOffset } from '../../../fhir/json-error.ts';

describe('jsonErrorOffset', () => {
  it('finds nothing wrong with JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        expect(jsonErrorOffset(JSON.stringify(value, null, indent))).toBeUndefined();
      }),
    );
  });

  it('agrees with JSON.parse about what is JSON', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '1',
      '-',
      '1.',
      'true',
      'nul',
      ' ',
      '\n',
      '"\\x"',
      '"',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        expect(jsonErrorOffset(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['{"a":tru}', 5],
    ['{"a":1,}', 7],
    ['[1 2]', 3],
    ['{"a":1', 6],
    ['{} x', 3],
    ['{"a" 1}', 5],
    ['["tab\t"]', 1],
    ['', 0],
  ])('names the place in %j', (text, offset) => {
    expect(jsonErrorOffset(text)).toBe(offset);
  });
});

it('counts lines from 1', () => {
  expect([0, 1, 2, 3].map((offset) => lineOfOffset('a\n\nb', offset))).toEqual([1, 1, 2, 3]);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
