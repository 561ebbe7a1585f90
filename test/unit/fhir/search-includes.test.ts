import { describe, expect, it } from '@jest/globals';
import { includesOf, pointedTo, readInclusion, revIncludesOf } from '../../../fhir/search-includes.ts';

const BASE = 'http://payer.test/fhir';
const inclusion = (value: string) => {
  const read = readInclusion('_include', 'Coverage', value, false);
  if (read === undefined) throw new Error(value);
  return read;
};

describe('readInclusion', () => {
  it.each([
    ['_include', 'Coverage:payor'],
    ['_include', 'Coverage:payor:Organization'],
    ['_include', 'Coverage:*'],
    ['_include', '*'],
    ['_revinclude', 'Provenance:target'],
    ['_revinclude', 'Provenance:target:Coverage'],
    ['_revinclude', 'ExplanationOfBenefit:coverage'],
  ] as const)('takes %s=%s', (kind, value) => {
    expect(readInclusion(kind, 'Coverage', value, false)).toBeDefined();
  });

  it.each([
    ['_include', 'Coverage:type'],
    ['_include', 'Coverage:payor:Nobody'],
    ['_include', 'Nothing:*'],
    ['_include', 'Coverage'],
    ['_include', 'Coverage:payor:Organization:x'],
    ['_revinclude', '*'],
    ['_revinclude', 'Provenance:target:Patient'],
    ['_revinclude', 'Observation:encounter'],
  ] as const)('takes no %s=%s', (kind, value) => {
    expect(readInclusion(kind, 'Coverage', value, false)).toBeUndefined();
  });
});

describe('what is declared', () => {
  it('can be read again', () => {
    for (const type of ['Patient', 'Practitioner', 'Observation', 'Provenance']) {
      for (const value of includesOf(type)) expect(readInclusion('_include', type, value, false)).toBeDefined();
      for (const value of revIncludesOf(type)) expect(readInclusion('_revinclude', type, value, false)).toBeDefined();
    }
  });
});

describe('pointedTo', () => {
  const coverage = {
    resourceType: 'Coverage',
    beneficiary: { reference: `${BASE}/Patient/a` },
    payor: [
      { reference: 'Organization/b' },
      { reference: 'http://elsewhere/Organization/c' },
      { display: 'd' },
      { reference: '#e' },
    ],
    extension: [{ url: 'x', valueReference: { reference: 'Practitioner/f' } }],
  };
  const keys = (value: string) =>
    pointedTo(coverage, inclusion(value), BASE).map((to) => (to.kind === 'literal' ? `${to.type}/${to.id}` : to.kind));

  it('gives the references of a parameter that stay on this server', () => {
    expect(keys('Coverage:payor')).toEqual(['Organization/b']);
    expect(keys('Coverage:payor:Practitioner')).toEqual([]);
  });

  it('gives all of them, at whatever depth, for the star', () => {
    expect(keys('*')).toEqual(['Patient/a', 'Organization/b', 'Practitioner/f']);
  });

  it('gives none of a resource of another type', () => {
    expect(pointedTo({ ...coverage, resourceType: 'Claim' }, inclusion('Coverage:payor'), BASE)).toEqual([]);
  });
});
