import { describe, expect, it } from '@jest/globals';
import { careRange } from '../../../fhir/service-date.ts';

const day = (date: string): number => Date.parse(`${date}T00:00:00Z`);

describe('careRange', () => {
  it('goes from the first date of a claim to its last', () => {
    const item = [{ servicedDate: '2025-03-01' }, { servicedPeriod: { start: '2025-03-02', end: '2025-03-04' } }];
    expect(careRange({ resourceType: 'ExplanationOfBenefit', item })).toEqual({
      low: day('2025-03-01'),
      high: day('2025-03-05'),
    });
  });

  it('is open where the care goes on', () => {
    const illness = {
      resourceType: 'Condition',
      clinicalStatus: { coding: [{ code: 'active' }] },
      onsetDateTime: '2020',
    };
    expect(careRange(illness)).toEqual({ low: day('2020-01-01'), high: Infinity });
    expect(careRange({ resourceType: 'Encounter', period: { start: '2025-01-01' } })?.high).toBe(Infinity);
  });

  it('is none for what tells of no dates', () => {
    expect(careRange({ resourceType: 'Patient', birthDate: '1970-01-01' })).toBeUndefined();
    expect(careRange({ resourceType: 'Observation', effectiveDateTime: 'soon' })).toBeUndefined();
  });
});
