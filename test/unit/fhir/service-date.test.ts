import { describe, expect, it } from '@jest/globals';
import { firstDay, isSince, serviceEnd } from '../../../fhir/service-date.ts';

const asOf = new Date('2026-11-21T12:00:00Z');
const isIn = (resource: object, years = 5, at = asOf): boolean =>
  isSince(serviceEnd(resource as Record<string, unknown>), firstDay(years, at));

describe('the look-back by service date', () => {
  it.each<[string, object]>([
    [
      'a visit that began outside and ended inside',
      { resourceType: 'Encounter', status: 'finished', period: { start: '2021-11-01', end: '2021-11-25' } },
    ],
    ['a date of which the month alone is known', { resourceType: 'Observation', effectiveDateTime: '2021-11' }],
    ['a date of which the year alone is known', { resourceType: 'Observation', effectiveDateTime: '2021' }],
    [
      'the first day, in every time zone',
      { resourceType: 'Observation', effectiveDateTime: '2021-11-20T23:30:00-05:00' },
    ],
    [
      'an illness that lasts, whenever it began',
      { resourceType: 'Condition', onsetDateTime: '1990', clinicalStatus: { coding: [{ code: 'active' }] } },
    ],
    ['a prescription in use', { resourceType: 'MedicationRequest', status: 'active', authoredOn: '2015-01-01' }],
    ['an allergy', { resourceType: 'AllergyIntolerance', recordedDate: '1999-01-01' }],
    ['a plan, a person, a coverage', { resourceType: 'Coverage', status: 'cancelled', period: { end: '2010-01-01' } }],
    ['a record without a date', { resourceType: 'Procedure', status: 'completed' }],
    [
      'a claim whose last item was inside',
      {
        resourceType: 'ExplanationOfBenefit',
        billablePeriod: { start: '2019-01-01' },
        item: [{ servicedDate: '2020-01-01' }, { servicedPeriod: { start: '2021-11-01', end: '2021-12-01' } }],
      },
    ],
  ])('lets through %s', (_what, resource) => {
    expect(isIn(resource)).toBe(true);
  });

  it.each<[string, object]>([
    [
      'a visit that ended before',
      { resourceType: 'Encounter', status: 'finished', period: { start: '2021-01-01', end: '2021-11-01' } },
    ],
    [
      'an illness that is over',
      {
        resourceType: 'Condition',
        onsetDateTime: '2010-01-01',
        abatementDateTime: '2012-01-01',
        clinicalStatus: { coding: [{ code: 'resolved' }] },
      },
    ],
    [
      'a claim by its period, active as a record',
      {
        resourceType: 'ExplanationOfBenefit',
        status: 'active',
        billablePeriod: { start: '2019-01-01' },
        created: '2026-01-01',
      },
    ],
    ['a claim of which only the creation is known', { resourceType: 'Claim', status: 'active', created: '2019-01-01' }],
    ['a vaccination', { resourceType: 'Immunization', occurrenceDateTime: '2000-01-01' }],
  ])('keeps back %s', (_what, resource) => {
    expect(isIn(resource)).toBe(false);
  });

  it('counts from the last day of February to the last day of February', () => {
    const leap = new Date('2028-02-29T00:00:00Z');
    const on = (date: string): object => ({ resourceType: 'Observation', effectiveDateTime: date });
    expect([isIn(on('2023-02-27'), 5, leap), isIn(on('2023-02-26'), 5, leap)]).toEqual([true, false]);
  });

  it('reaches as far as the operator says', () => {
    const old = { resourceType: 'Observation', effectiveDateTime: '1990-01-01' };
    expect([isIn(old, 36), isIn(old, 37)]).toEqual([false, true]);
  });
});
