import { describe, expect, it } from '@jest/globals';
import {
  COMPARTMENT_TYPES,
  SHARED_TYPES,
  belongsToMember,
  inPatientCompartment,
  patientReferencesOf,
  subjectPath,
  subjectReferencesOf,
} from '../../../fhir/compartment.ts';
import { RESOURCE_TYPES } from '../../../fhir/resource-types.ts';
import { r4Element } from './r4-definitions.ts';

describe('compartment', () => {
  it('holds only types of FHIR R4', () => {
    expect([...COMPARTMENT_TYPES].filter((type) => !RESOURCE_TYPES.has(type))).toEqual([]);
  });

  it('reads the subject from elements that are References in R4', () => {
    const wrong = [...COMPARTMENT_TYPES, 'Contract', 'Group', 'GuidanceResponse', 'Task'].filter((type) => {
      const path = subjectPath(type);
      return type !== 'Patient' && (path === undefined || r4Element(type, path)?.type !== 'Reference');
    });
    expect(wrong).toEqual([]);
  });

  it.each([
    'Organization',
    'Practitioner',
    'PractitionerRole',
    'Location',
    'Medication',
    'Group',
    'Questionnaire',
    'Task',
  ])('leaves %s to the shared types', (type) => {
    expect(inPatientCompartment(type)).toBe(false);
    expect(SHARED_TYPES.has(type)).toBe(true);
  });

  it('gives a Binary to the member whose document it is the content of', () => {
    expect([inPatientCompartment('Binary'), belongsToMember('Binary')]).toEqual([false, true]);
    expect(SHARED_TYPES.has('Binary')).toBe(false);
  });
});

describe('patientReferencesOf', () => {
  const me = { reference: 'Patient/me' };

  it.each([
    ['Observation', { subject: me }],
    [
      'Coverage',
      { beneficiary: me, subscriber: { reference: 'Patient/parent' }, payor: [{ reference: 'Patient/parent' }] },
    ],
    ['ExplanationOfBenefit', { patient: me, payee: { party: { reference: 'Patient/other' } } }],
    ['AllergyIntolerance', { patient: me, recorder: { reference: 'Patient/other' } }],
    ['Device', { patient: me }],
    ['RelatedPerson', { patient: me }],
    ['Account', { subject: [{ reference: 'Organization/1' }, me] }],
    ['Appointment', { participant: [{ actor: { reference: 'Practitioner/1' } }, { actor: me }, {}] }],
    ['Provenance', { target: [{ reference: 'Observation/1' }, { reference: 'Patient/me/_history/3' }, me] }],
    ['Person', { link: [{ target: me }] }],
    ['SupplyRequest', { deliverTo: me, requester: { reference: 'Patient/other' } }],
  ])('finds whom a %s is about, and nobody else', (resourceType, elements) => {
    expect(patientReferencesOf({ resourceType, ...elements })).toEqual(['Patient/me']);
  });

  it('says that a Patient is about itself, whatever it links to', () => {
    const link = [{ other: { reference: 'Patient/2' }, type: 'seealso' }];
    expect(patientReferencesOf({ resourceType: 'Patient', id: '1', link })).toEqual(['Patient/1']);
  });

  it.each([
    ['a performer', { resourceType: 'Observation', performer: [me] }],
    ['a shared type', { resourceType: 'Practitioner', subject: me }],
    ['a list of members', { resourceType: 'Group', member: [{ entity: me }] }],
    ['a type that is no type', { resourceType: 'constructor', subject: me }],
    ['a malformed element', { resourceType: 'Observation', subject: 'Patient/me' }],
    ['no object', null],
  ])('finds nobody in %s', (_name, resource) => {
    expect(patientReferencesOf(resource)).toEqual([]);
  });

  it('leaves whose Group or Task it is to the check of foreign members', () => {
    expect(subjectReferencesOf({ resourceType: 'Group', member: [{ entity: me }] })).toEqual(['Patient/me']);
    expect(subjectReferencesOf({ resourceType: 'Task', for: me, owner: { reference: 'Patient/x' } })).toEqual([
      'Patient/me',
    ]);
  });
});
