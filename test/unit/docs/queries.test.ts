import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { filterParameterNames } from '../../../fhir/filter-parameters.ts';
import { RESOURCE_TYPES } from '../../../fhir/resource-types.ts';

/** Told once for all types. */
const EVERYWHERE = new Set([
  ...['_id', '_lastUpdated', '_profile', '_source', '_tag', '_security', 'identifier', 'patient', 'subject'],
]);

it('docs/partners.md names the search parameters of each type, and no others', () => {
  const page = readFileSync(new URL('../../../docs/partners.md', import.meta.url), 'utf8');
  const [, table = ''] = /<!-- search parameters:[^>]*-->([\s\S]*?)<!-- end of search parameters -->/.exec(page) ?? [];
  const told = [...table.matchAll(/^\| (\w+) +\| (`.*`) +\|$/gm)].map(([, type = '', names = '']) => [
    type,
    [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  ]);
  const searched = [...RESOURCE_TYPES].sort().flatMap((type) => {
    const names = filterParameterNames(type).filter((name) => !EVERYWHERE.has(name));
    return names.length === 0 ? [] : [[type, names]];
  });
  expect(told).toEqual(searched);
});
