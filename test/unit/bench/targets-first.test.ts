import { expect, it } from '@jest/globals';
import { targetsFirst } from '../../../bench/hapi/transactions.ts';

const resource = (type: string, id: string, ...references: string[]) => ({
  ...{ type, id },
  text: JSON.stringify({ resourceType: type, id, of: references.map((reference) => ({ reference })) }),
});
const order = (...resources: ReturnType<typeof resource>[]) =>
  targetsFirst(resources).map(({ type, id }) => `${type}/${id}`);

it('puts what a resource refers to before it', () => {
  const [a, b, c] = [resource('A', '1', 'B/1', 'C/1'), resource('B', '1', 'C/1', 'Gone/1'), resource('C', '1')];
  expect(order(a, b, c)).toEqual(['C/1', 'B/1', 'A/1']);
});

it('keeps every resource of a circle', () => {
  expect(order(resource('A', '1', 'B/1'), resource('B', '1', 'A/1')).sort()).toEqual(['A/1', 'B/1']);
});
