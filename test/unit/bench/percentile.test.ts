import { expect, it } from '@jest/globals';
import { percentile } from '../../../bench/percentile.ts';

it('is the value that so large a part of all does not exceed', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(percentile(values, 0.5)).toBe(100);
  expect(percentile(values, 0.99)).toBe(198);
  expect(percentile(values, 1)).toBe(200);
  expect(percentile([7], 0.01)).toBe(7);
});
