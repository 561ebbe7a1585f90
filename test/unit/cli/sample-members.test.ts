import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { generateMembers } from '../../../cli/sample-members/generate.ts';
import type { SampleOptions } from '../../../cli/sample-members/generate.ts';
import { sampleInvokeExport } from '../../../cli/sample-members/invoke-export.ts';
import { decimal, escaped, printJson } from '../../../cli/sample-members/json.ts';
import { localPatientFor, localPatientId } from '../../../cli/sample-members/local-patient.ts';
import { sampleMember } from '../../../cli/sample-members/member.ts';
import { SAMPLE_PAYER } from '../../../cli/sample-members/payer.ts';
import type { SampleResource } from '../../../cli/sample-members/resource.ts';
import { readInvokeExport } from '../../../fhir/invoke-export.ts';
import { profileWarnings } from '../../../fhir/profile-warnings.ts';
import { elementsOf, referencesOf } from './sample-elements.ts';

const OPTIONS: SampleOptions = { seed: 'test', members: 3, resourcesPerMember: 700, referenceDate: '2025-11-01' };

/** The types that PDex names, with those that US Core 6.1 adds. */
const TYPES =
  'AllergyIntolerance CarePlan CareTeam Condition Coverage Device DiagnosticReport DocumentReference Encounter ExplanationOfBenefit Goal Immunization Location Medication MedicationDispense MedicationRequest Observation Organization Patient Practitioner PractitionerRole Procedure Provenance RelatedPerson ServiceRequest Specimen QuestionnaireResponse'.split(
    ' ',
  );

/** Elements that US Core 6.1, CARIN BB and PDex ask of every resource of the type. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  AllergyIntolerance: ['clinicalStatus', 'verificationStatus', 'code', 'patient'],
  CarePlan: ['text.div', 'status', 'intent', 'category', 'subject'],
  CareTeam: ['status', 'subject', 'participant.role', 'participant.member'],
  Condition: ['clinicalStatus', 'category', 'code', 'subject'],
  Coverage: [
    'identifier.type',
    'status',
    'subscriberId',
    'beneficiary',
    'relationship',
    'period',
    'payor',
    'class.value',
  ],
  Device: ['udiCarrier.deviceIdentifier', 'type', 'patient'],
  DiagnosticReport: ['status', 'category', 'code', 'subject', 'effectiveDateTime', 'issued'],
  DocumentReference: ['status', 'type', 'category', 'subject', 'date', 'content.attachment.data'],
  Encounter: ['status', 'class', 'type', 'subject', 'period'],
  ExplanationOfBenefit: [
    ...['meta.lastUpdated', 'identifier.value', 'status', 'type', 'use', 'patient', 'billablePeriod.start', 'created'],
    ...['insurer', 'provider', 'outcome', 'supportingInfo.category', 'insurance.coverage', 'item.productOrService'],
  ],
  Goal: ['lifecycleStatus', 'description', 'subject'],
  Immunization: ['status', 'vaccineCode', 'patient', 'occurrenceDateTime', 'primarySource'],
  Location: ['status', 'name', 'address'],
  Medication: ['code'],
  MedicationDispense: ['status', 'medicationCodeableConcept', 'subject', 'performer.actor', 'whenHandedOver'],
  MedicationRequest: ['status', 'intent', 'reportedBoolean', 'subject', 'authoredOn', 'requester'],
  Observation: ['status', 'category', 'code', 'subject', 'effectiveDateTime'],
  Organization: ['identifier.value', 'active', 'name'],
  Patient: ['identifier.system', 'identifier.value', 'name.family', 'name.given', 'gender', 'birthDate'],
  Practitioner: ['identifier.value', 'name.family'],
  PractitionerRole: ['practitioner', 'organization', 'telecom'],
  Procedure: ['status', 'code', 'subject', 'performedPeriod'],
  Provenance: ['target', 'recorded', 'agent.type', 'agent.who', 'agent.onBehalfOf'],
  QuestionnaireResponse: ['questionnaire', 'status', 'subject', 'authored'],
  RelatedPerson: ['active', 'patient', 'relationship', 'name'],
  ServiceRequest: ['status', 'intent', 'category', 'code', 'subject'],
  Specimen: ['type', 'subject'],
};

const hashOf = (options: SampleOptions): string => {
  const hash = createHash('sha256');
  for (const { text } of generateMembers(options)) hash.update(`${text}\n`);
  return hash.digest('hex');
};

let resources: SampleResource[] = [];
let text = '';
let parsed: Record<string, unknown>[] = [];

beforeAll(() => {
  resources = [...generateMembers(OPTIONS)];
  text = resources.map((resource) => resource.text).join('\n');
  parsed = resources.map((resource) => JSON.parse(resource.text) as Record<string, unknown>);
});

describe('generateMembers', () => {
  it('gives the same bytes for the same seed', () => {
    expect(hashOf(OPTIONS)).toBe(hashOf({ ...OPTIONS }));
  });

  it('gives other bytes and other ids for another seed', () => {
    const other = [...generateMembers({ ...OPTIONS, seed: 'other' })];
    const own = new Set(resources.map(({ id }) => id));
    expect(other.filter(({ id }) => own.has(id)).map(({ id }) => id)).toEqual([SAMPLE_PAYER.id]);
    expect(hashOf({ ...OPTIONS, seed: 'other' })).not.toBe(hashOf(OPTIONS));
  });

  it('keeps what it gave when more is asked for', () => {
    const fewer = [...generateMembers({ ...OPTIONS, members: 1, resourcesPerMember: 100 })];
    expect(resources.slice(0, fewer.length)).toEqual(fewer);
  });

  it('gives each member as many resources as asked', () => {
    const shared = [...generateMembers({ ...OPTIONS, members: 0 })].length;
    expect(resources).toHaveLength(shared + OPTIONS.members * OPTIONS.resourcesPerMember);
  });

  it('prints every resource on a line of its own, with its type and id', () => {
    expect(resources.filter((resource) => resource.text.includes('\n'))).toEqual([]);
    expect(parsed.map(({ resourceType, id }) => [resourceType, id])).toEqual(
      resources.map(({ type, id }) => [type, id]),
    );
  });

  it('uses no id twice within a type, and only ids that FHIR allows', () => {
    const keys = resources.map(({ type, id }) => `${type}/${id}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.filter((key) => !/^[A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(key))).toEqual([]);
  });

  it('has every type for every member from 150 resources on', () => {
    for (const seed of ['a', 'b', 'c', 'd', 'e']) {
      const small = [...generateMembers({ ...OPTIONS, seed, members: 1, resourcesPerMember: 150 })];
      expect(new Set(small.map(({ type }) => type))).toEqual(new Set(TYPES));
    }
  });

  it('gives every resource the required elements of its profile', () => {
    const missing = parsed.flatMap((resource) => {
      const type = String(resource['resourceType']);
      return ['meta.profile', ...(REQUIRED[type] ?? ['no list'])]
        .filter((path) => elementsOf(resource, path).length === 0)
        .map((path) => `${type}.${path}`);
    });
    expect([...new Set(missing)]).toEqual([]);
  });

  it('puts nothing that has happened after the reference date', () => {
    const happened =
      /"(?:start|effectiveDateTime|issued|authoredOn|whenHandedOver|servicedDate|created|recorded|timingDate|abatementDateTime)":"(\d{4}-\d\d-\d\d)/g;
    const dates = [...text.matchAll(happened)].map(([, date = '']) => date);
    expect(dates.length).toBeGreaterThan(resources.length);
    expect(dates.filter((date) => date > OPTIONS.referenceDate)).toEqual([]);
  });

  it('refuses a reference date that is none', () => {
    expect(() => [...generateMembers({ ...OPTIONS, referenceDate: 'today' })]).toThrow(RangeError);
  });
});

describe('references of the sample members', () => {
  it('lead to resources of the set wherever they are literal', () => {
    const there = new Set(resources.map(({ type, id }) => `${type}/${id}`));
    const literal = parsed.flatMap(referencesOf).filter((reference) => /^[A-Za-z]+\//.test(reference));
    expect(literal.length).toBeGreaterThan(OPTIONS.members * OPTIONS.resourcesPerMember);
    expect(literal.filter((reference) => !there.has(reference))).toEqual([]);
  });

  it('lead to exactly one resource where they are conditional', () => {
    const conditional = parsed.flatMap(referencesOf).filter((reference) => reference.includes('?'));
    expect(conditional.length).toBeGreaterThan(0);
    for (const reference of new Set(conditional)) {
      const value = reference.split('|')[1];
      const found = parsed.filter(
        (resource) =>
          resource['resourceType'] === 'Practitioner' && elementsOf(resource, 'identifier.value').includes(value),
      );
      expect(found).toHaveLength(1);
    }
  });

  it('lead to a contained resource of the same record where they are fragments', () => {
    const withFragments = parsed.filter((resource) =>
      referencesOf(resource).some((reference) => reference.startsWith('#')),
    );
    expect(new Set(withFragments.map((resource) => resource['resourceType']))).toEqual(
      new Set(['MedicationRequest', 'ExplanationOfBenefit']),
    );
    for (const resource of withFragments) {
      const fragments = referencesOf(resource).filter((reference) => reference.startsWith('#'));
      expect(elementsOf(resource, 'contained.id').map((id) => `#${String(id)}`)).toEqual(
        expect.arrayContaining(fragments),
      );
    }
  });

  it('never lead from one member to another', () => {
    const patients = new Set(resources.filter(({ type }) => type === 'Patient').map(({ id }) => `Patient/${id}`));
    const mixed = parsed.filter(
      (resource) => new Set(referencesOf(resource).filter((each) => patients.has(each))).size > 1,
    );
    expect(mixed).toEqual([]);
  });
});

describe('what is hard about the sample members', () => {
  it.each([
    ['trailing zeros of a value', /"value":98\.60[,}]/],
    ['a decimal in a nested extension', /"valueDecimal":0\.10[,}]/],
    ['a decimal with an exponent', /"valueDecimal":1\.00e-2[,}]/],
    ['a coordinate with a trailing zero', /"longitude":-\d+\.\d{4}0,/],
    ['escaped characters', /"family":"Ren\\u00e9e-Dubois"/],
    ['other characters as they are', /Zoë/],
    ['another script', /小明/],
    ['combining characters', /Ame\u0301lie/],
    ['characters beyond the basic plane', /💪/u],
    ['a sibling of a primitive', /"_birthDate":\{"extension"/],
    ['a sibling of an array with nulls', /"given":\[[^\]]*null\],"_given":\[null/],
    ['a reference inside an extension', /"valueReference":\{"reference":"Condition\//],
    ['a reference by identifier alone', /"actor":\{"type":"Practitioner","identifier":/],
    ['a narrative with links', /<a href=\\"Coverage\//],
    [
      'a label of sensitive data',
      /"security":\[\{"system":"http:\/\/terminology.hl7.org\/CodeSystem\/v3-Confidentiality","code":"R"/,
    ],
    ['a prior authorization', /"use":"preauthorization"/],
    ['a document of about 20 kB', /"data":"[A-Za-z0-9+/=]{17000,}"/],
  ])('holds %s', (_what, pattern) => {
    // The text itself would fill the screen.
    expect(pattern.test(text)).toBe(true);
  });

  it('claims no money', () => {
    expect(/"currency"|"payment"|"unitPrice"|"net":/.exec(text)).toBeNull();
  });
});

describe('printJson', () => {
  it('keeps the digits of a decimal', () => {
    expect(printJson({ a: decimal('1.50'), b: [decimal('-0.00'), decimal('1E+2')] })).toBe(
      '{"a":1.50,"b":[-0.00,1E+2]}',
    );
  });

  it.each(['1.', '.5', '01', 'NaN', '+1', '1,5'])('refuses %s, which is no FHIR decimal', (digits) => {
    expect(() => decimal(digits)).toThrow(RangeError);
  });

  it('writes escapes that mean the same text', () => {
    const line = printJson({ name: escaped('Renée "😀"'), gone: undefined });
    expect(line).toBe('{"name":"Ren\\u00e9e \\"\\ud83d\\ude00\\""}');
    expect(JSON.parse(line)).toEqual({ name: 'Renée "😀"' });
  });
});

describe('the request for a sample member', () => {
  const member = sampleMember('test', 1);
  const requestingPayer = { system: 'urn:oid:2.16.840.1.113883.6.300', value: '95001', display: 'New Plan' };
  const local = { referenceSystem: 'urn:example:local', payer: requestingPayer, coverageStart: '2025-10-01' };
  const request = sampleInvokeExport(member, {
    sourceIssuerUrl: 'https://meadowlark.example/fhir',
    coverageStart: '2025-10-01',
    respondingPayer: SAMPLE_PAYER,
    requestingPayer,
    consentPeriod: { start: '2025-10-01', end: '2026-09-30' },
    policy: 'regular',
    types: ['Patient', 'Observation'],
  });

  it('is read without a warning', () => {
    const read = readInvokeExport(request, 'https://new.example/fhir');
    expect(profileWarnings(read, new Date('2025-11-01T00:00:00Z'))).toEqual([]);
    expect(read.localPatient.id).toBe(localPatientId(member));
    expect(read.payor?.identifier).toEqual({ system: SAMPLE_PAYER.system, value: SAMPLE_PAYER.value });
    expect(read.exportEntries.map((entry): unknown => JSON.parse(entry))).toEqual([
      { name: '_type', valueString: 'Patient,Observation' },
    ]);
  });

  it('names the card and the person that the responding payer knows', () => {
    const asked = JSON.parse(request) as Record<string, unknown>;
    const at = (path: string): unknown[] => elementsOf(asked, `parameter.part.resource.${path}`);
    const known = parsed.filter((resource) => resource['id'] === member.patientId);
    expect(at('birthDate')).toEqual(elementsOf({ known }, 'known.birthDate'));
    expect(elementsOf({ known }, 'known.name.family')).toEqual(expect.arrayContaining(at('name.family')));
    expect(elementsOf({ known }, 'known.identifier.value')).toContain(at('identifier.value')[0]);
  });

  it('lets every reference of the match point at MemberPatient', () => {
    const references = referencesOf(JSON.parse(request)).filter((reference) => reference.startsWith('Patient/'));
    expect(new Set(references)).toEqual(new Set([`Patient/${localPatientId(member)}`]));
  });

  it('finds a local patient with another id and the reference system once', () => {
    const { patient, coverage } = localPatientFor(member, local);
    const body = JSON.parse(patient.text) as Record<string, unknown>;
    expect(patient.id).not.toBe(member.patientId);
    expect(elementsOf(body, 'identifier.system').filter((system) => system === local.referenceSystem)).toHaveLength(1);
    expect(elementsOf(JSON.parse(coverage.text), 'beneficiary.reference')).toEqual([`Patient/${patient.id}`]);
    expect(elementsOf(body, 'birthDate')).toEqual([member.birthDate]);
  });

  it('has other local ids for every member', () => {
    expect(localPatientId(sampleMember('test', 2))).not.toBe(localPatientId(member));
  });
});
