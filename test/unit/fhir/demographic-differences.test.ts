import { describe, expect, it } from '@jest/globals';
import { demographicDifferences } from '../../../fhir/demographic-differences.ts';

const ANN = {
  resourceType: 'Patient',
  name: [{ family: 'Núñez-Ortiz', given: ['Ann', 'B.'] }],
  birthDate: '1974-12-25',
  gender: 'female',
  address: [{ postalCode: '02139-4307' }],
  telecom: [{ value: '+1 (617) 555-0100' }, { value: 'Ann@example.org' }],
};

describe('two Patients of one human being', () => {
  it('do not differ in case, accents, punctuation or the form of a number', () => {
    const other = {
      ...ANN,
      name: [{ family: 'NUNEZ ORTIZ', given: ['ann'] }],
      address: [{ postalCode: '02139' }],
      telecom: [{ value: '6175550100' }],
    };
    expect(demographicDifferences(ANN, other)).toEqual([]);
  });

  it.each([
    ['name', { name: [{ family: 'Smith', given: ['Ann'] }] }],
    ['birthDate', { birthDate: '1974-12-26' }],
    ['gender', { gender: 'male' }],
    ['address', { address: [{ postalCode: '10001' }] }],
    ['telecom', { telecom: [{ value: '6175550199' }] }],
  ])('differ in %s', (element, changed) => {
    expect(demographicDifferences(ANN, { ...ANN, ...changed })).toEqual([element]);
  });

  it('do not differ in what one of them says less exactly', () => {
    expect(demographicDifferences(ANN, { ...ANN, birthDate: '1974' })).toEqual([]);
    expect(demographicDifferences({ ...ANN, birthDate: '1974-12' }, ANN)).toEqual([]);
    expect(demographicDifferences(ANN, { ...ANN, name: [{ family: 'Núñez-Ortiz' }] })).toEqual([]);
    expect(demographicDifferences(ANN, { ...ANN, birthDate: '1974-1' })).toEqual(['birthDate']);
    expect(demographicDifferences(ANN, { ...ANN, name: [{ family: 'Nunez' }] })).toEqual(['name']);
  });

  it('differ in postal codes that are no numbers, and not in ones that say nothing', () => {
    const at = (postalCode: string): object => ({ ...ANN, address: [{ postalCode }] });
    expect(demographicDifferences(at('SW1A 1AA'), at('SW1A 1AB'))).toEqual(['address']);
    expect(demographicDifferences(at('SW1A 1AA'), at('sw1a1aa'))).toEqual([]);
    expect(demographicDifferences(at('02139'), at('-'))).toEqual([]);
  });

  it('differ where one is dead and the other is not', () => {
    const dead = { ...ANN, deceasedDateTime: '2025-01-01' };
    expect(demographicDifferences(dead, { ...ANN, deceasedBoolean: false })).toEqual(['deceased']);
    expect(demographicDifferences(dead, { ...ANN, deceasedBoolean: true })).toEqual([]);
  });

  it('do not differ in what one of them does not say', () => {
    expect(demographicDifferences(ANN, { resourceType: 'Patient' })).toEqual([]);
    expect(demographicDifferences(ANN, undefined)).toEqual([]);
  });

  it('do not differ where one of several names is the same', () => {
    const married = { ...ANN, name: [{ family: 'Smith', given: ['Ann'] }, ...ANN.name] };
    expect(demographicDifferences(ANN, married)).toEqual([]);
  });
});
