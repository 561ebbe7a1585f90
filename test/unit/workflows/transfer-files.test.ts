import { describe, expect, it } from '@jest/globals';
import { sharesOf } from '../../../workflows/steps/transfer-files.ts';

describe('the shares of an export’s files', () => {
  it.each([1, 2, 199, 200, 201, 400, 401, 20_000])('of %i files are contiguous and leave none out', (count) => {
    const files = sharesOf(count).flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    );
    expect(files).toEqual(Array.from({ length: count }, (_, index) => index));
  });

  it.each([
    [1, 1],
    [200, 200],
    [201, 101],
    [20_000, 200],
  ])('of %i files are %i, so that a history has an end', (count, activities) => {
    expect(sharesOf(count)).toHaveLength(activities);
  });

  it.each([
    [1, 1],
    [8, 1],
    [9, 2],
    [1600, 200],
    [1601, 178],
  ])('of %i files are %i where eight or more go together', (count, activities) => {
    expect(sharesOf(count, 8)).toHaveLength(activities);
  });

  it('are none where there are no files', () => {
    expect(sharesOf(0)).toEqual([]);
  });
});
