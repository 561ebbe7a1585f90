import { Buffer } from 'node:buffer';
import { expect, it } from '@jest/globals';
import { ByteWords } from '../../../fhir/byte-words.ts';

const words = new ByteWords([
  ['total"', 1],
  ['text"', 2],
]);

it.each([
  ['"total"', 1],
  ['"text":', 2],
  ['"totals"', undefined],
  ['"tot', undefined],
  ['"', undefined],
])('behind the quote of %s stands %s', (text, found) => {
  expect(words.at(Buffer.from(text), 1)).toBe(found);
});
