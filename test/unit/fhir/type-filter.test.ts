import { describe, expect, it } from '@jest/globals';
import { passesFilters, readTypeFilters, splitTypeFilters } from '../../../fhir/type-filter.ts';

const observation = {
  ...{ resourceType: 'Observation', id: 'o1', status: 'final' },
  meta: { lastUpdated: '2026-03-04T10:00:00.000Z', profile: ['http://p/1'] },
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  category: [{ coding: [{ code: 'vital-signs' }] }, { coding: [{ system: 'urn:c', code: 'a,b' }] }],
  subject: { reference: 'Patient/ann' },
  effectivePeriod: { start: '2026-01-10', end: '2026-01-20' },
};

const passes = (query: string, resource: object = observation): boolean =>
  passesFilters(readTypeFilters([query], 'https://us.test/fhir'), resource as Readonly<Record<string, unknown>>);

describe('a _typeFilter', () => {
  it.each([
    ['Observation?code=8867-4', true],
    ['Observation?code=http://loinc.org|8867-4', true],
    ['Observation?code=http://loinc.org|', true],
    ['Observation?code=urn:other|8867-4', false],
    ['Observation?category=laboratory,vital-signs', true],
    ['Observation?category=a%5C,b', true],
    ['Observation?category=%7Cvital-signs', true],
    ['Observation?category=%7Ca%5C,b', false],
    ['Observation?category=vital-signs&status=final', true],
    ['Observation?category=vital-signs&status=preliminary', false],
    ['Observation?status:not=final', false],
    ['Observation?status:not=preliminary', true],
    ['Observation?value-concept:missing=true', true],
    ['Observation?code:missing=true', false],
    ['Observation?patient=ann', true],
    ['Observation?subject=Patient/ann', true],
    ['Observation?subject:Patient=ann', true],
    ['Observation?patient=https://us.test/fhir/Patient/ann', true],
    ['Observation?patient=beth', false],
    ['Observation?_id=o1,o2', true],
    ['Observation?_profile=http://p/1', true],
    ['Observation?_lastUpdated=gt2026-03-04', false],
    ['Observation?_lastUpdated=ge2026-03-04', true],
    ['Observation?date=2026-01', true],
    ['Observation?date=2026-01-15', false],
    ['Observation?date=ge2026-01-15', true],
    ['Observation?date=gt2026-01-20', false],
    ['Observation?date=lt2026-01-10', false],
    ['Observation?date=le2026-01-10', true],
    ['Observation?date=sa2026-01-09', true],
    ['Observation?date=eb2026-01-21', true],
    ['Observation?date=ne2026-01-15', true],
  ])('%s lets the resource through: %j', (query, expected) => {
    expect(passes(query)).toBe(expected);
  });

  it('finds names without their case and accents, and identifiers by system', () => {
    const patient = {
      ...{ resourceType: 'Patient', id: 'p' },
      name: [{ family: 'Müller', given: ['Ann'] }],
      identifier: [{ system: 'urn:m', value: '1' }],
      birthDate: '1974-12-25',
    };
    expect(passes('Patient?family=mull', patient)).toBe(true);
    expect(passes('Patient?name:exact=Muller', patient)).toBe(false);
    expect(passes('Patient?identifier=urn:m|1&birthdate=lt1975', patient)).toBe(true);
    expect(passes('Patient?identifier=urn:n|1', patient)).toBe(false);
  });

  it('by service-date finds a claim by its period or by the dates of its items', () => {
    const claim = (more: object) => ({ resourceType: 'ExplanationOfBenefit', ...more });
    const query = 'ExplanationOfBenefit?service-date=ge2025-01-01';
    expect(passes(query, claim({ billablePeriod: { start: '2024-01-01', end: '2025-02-01' } }))).toBe(true);
    expect(passes(query, claim({ item: [{ servicedDate: '2024-05-01' }, { servicedDate: '2025-05-01' }] }))).toBe(true);
    expect(passes(query, claim({ billablePeriod: { start: '2024-01-01', end: '2024-02-01' } }))).toBe(false);
  });

  it('of another type leaves a resource alone, and of several of its own type one is enough', () => {
    const filters = readTypeFilters(['Observation?status=preliminary', 'Observation?code=8867-4', 'Patient?_id=x'], '');
    expect(passesFilters(filters, observation)).toBe(true);
    expect(passesFilters(filters, { resourceType: 'Condition' })).toBe(true);
    expect(passesFilters(filters, { resourceType: 'Patient', id: 'y' })).toBe(false);
  });

  it('ends at a comma only where another query begins', () => {
    expect(splitTypeFilters('Observation?code=a,b,Condition?category=c%2Cd')).toEqual([
      'Observation?code=a,b',
      'Condition?category=c%2Cd',
    ]);
  });

  it.each([
    ['Observation?code-value=1', 'not-supported'],
    ['Observation?_has:Provenance:target:agent=1', 'not-supported'],
    ['Observation?subject.name=ann', 'not-supported'],
    ['Observation?code:in=http://v', 'not-supported'],
    ['Observation?_include=Observation:subject', 'not-supported'],
    ['Observation?date=ap2026', 'request-invalid'],
    ['Observation?date=yesterday', 'request-invalid'],
    ['Observation?code=', 'request-invalid'],
    ['Observation', 'request-invalid'],
    ['Nothing?code=1', 'request-invalid'],
    ['Observation?', 'request-invalid'],
  ])('%s is refused as %s', (query, code) => {
    expect(() => readTypeFilters([query], '')).toThrow(expect.objectContaining({ code }));
  });

  it('is refused by the name of the parameter, and its value is told to nobody', () => {
    try {
      readTypeFilters(['Observation?secretly=Ann+Person'], '');
      throw new Error('not refused');
    } catch (error) {
      expect((error as { diagnostics: string }).diagnostics).toMatch(/secretly/);
      expect((error as { diagnostics: string }).diagnostics).not.toMatch(/Ann|Person/);
    }
  });
});
