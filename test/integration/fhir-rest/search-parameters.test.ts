import { beforeAll, describe, expect, it } from '@jest/globals';
import { matches, MATCHED, useRestApi } from '../../support/rest-api.ts';

const subject = (id: string): string => `,"subject":{"reference":"Patient/${id}"}`;
const code = (system: string, value: string): string => `{"coding":[{"system":"${system}","code":"${value}"}]}`;

describe('S15: per-resource search by the parameters that PDex asks for', () => {
  const { ask, put } = useRestApi();

  beforeAll(async () => {
    await put(
      'Patient',
      MATCHED,
      ',"identifier":[{"system":"mrn","value":"1"}],"name":[{"family":"Sörensen"}],"birthDate":"1970-02-03"',
    );
    await put(
      'Patient',
      'other',
      ',"identifier":[{"system":"mrn","value":"2"}],"name":[{"family":"Smith"}],"birthDate":"1980-02-03"',
    );
    for (const id of [MATCHED, 'other']) {
      await put('Coverage', `cov-${id}`, `,"beneficiary":{"reference":"Patient/${id}"},"subscriberId":"S-${id}"`);
      await put(
        'ExplanationOfBenefit',
        `eob-${id}`,
        `,"patient":{"reference":"Patient/${id}"},"type":${code('claim-type', 'pharmacy')},"identifier":[{"system":"claims","value":"C-${id}"}],"billablePeriod":{"start":"2026-03-01","end":"2026-03-05"},"item":[{"sequence":1,"servicedDate":"2026-03-02"}]`,
      );
      await put(
        'Observation',
        `obs-${id}`,
        `${subject(id)},"status":"final","code":${code('loinc', '1-1')},"effectiveDateTime":"2026-01-15T10:00:00+02:00"`,
      );
    }
    await put(
      'Observation',
      'obs-late',
      `${subject(MATCHED)},"status":"amended","code":${code('loinc', '2-2')},"effectivePeriod":{"start":"2026-02-01"}`,
    );
    for (const type of ['AllergyIntolerance', 'Immunization', 'Device', 'Consent', 'ImagingStudy']) {
      const element = type === 'ImagingStudy' ? 'subject' : 'patient';
      await put(type, `t-${type}`, `,"${element}":{"reference":"Patient/${MATCHED}"}`);
    }
    for (const type of [
      'Condition',
      'Procedure',
      'DiagnosticReport',
      'Goal',
      'MedicationDispense',
      'MedicationRequest',
      'DocumentReference',
      'Encounter',
      'CarePlan',
      'CareTeam',
      'ServiceRequest',
      'Specimen',
    ]) {
      await put(type, `t-${type}`, subject(MATCHED));
    }
    await put(
      'Practitioner',
      'doc',
      ',"identifier":[{"system":"npi","value":"77"}],"name":[{"family":"Doe","given":["Zoë"]}]',
    );
    await put('Practitioner', 'doc2', ',"name":[{"family":"Dorian"}]');
    await put(
      'PractitionerRole',
      'role',
      `,"practitioner":{"reference":"Practitioner/doc"},"specialty":[${code('nucc', '207R')}]`,
    );
    await put(
      'PractitionerRole',
      'role2',
      `,"practitioner":{"reference":"Practitioner/doc2"},"specialty":[${code('other', '207R')}]`,
    );
    await put(
      'Organization',
      'org',
      ',"name":"Big Hospital","alias":["BH"],"address":[{"line":["1 Main St"],"city":"Springfield","postalCode":"01101"}]',
    );
    await put('Location', 'loc', ',"name":"Ward 7","address":{"city":"Springfield","state":"MA"}');
    await put(
      'Group',
      'grp',
      `,"type":"person","actual":true,"identifier":[{"value":"G1"}],"code":${code('pdex', 'match')},"characteristic":[{"code":${code('pdex', 'payer')},"valueReference":{"reference":"Organization/org"},"exclude":false}]`,
    );
  });

  it.each([
    ['Patient?_id=other', ['other']],
    ['Patient?identifier=mrn|1', [MATCHED]],
    ['Patient?name=sor', [MATCHED]],
    ['Patient?birthdate=1980-02-03', ['other']],
    ['Patient?name=s&gender:missing=true', [MATCHED, 'other']],
    ['Coverage?patient=other', ['cov-other']],
    ['Coverage?beneficiary=Patient/other', ['cov-other']],
    ['Coverage?identifier=S-other', ['cov-other']],
    [`ExplanationOfBenefit?_id=eob-${MATCHED}`, [`eob-${MATCHED}`]],
    [`ExplanationOfBenefit?patient=${MATCHED}&type=claim-type|pharmacy`, [`eob-${MATCHED}`]],
    [`ExplanationOfBenefit?patient=${MATCHED}&type=institutional`, []],
    [`ExplanationOfBenefit?patient=${MATCHED}&identifier=claims|C-${MATCHED}`, [`eob-${MATCHED}`]],
    [`ExplanationOfBenefit?patient=${MATCHED}&service-date=ge2026-03-02&service-date=lt2026-04-01`, [`eob-${MATCHED}`]],
    [`ExplanationOfBenefit?patient=${MATCHED}&service-date=gt2026-04-01`, []],
    [`ExplanationOfBenefit?patient=${MATCHED}&_lastUpdated=gt2020-01-01`, [`eob-${MATCHED}`]],
    [`Observation?patient=${MATCHED}&code=loinc|1-1`, [`obs-${MATCHED}`]],
    [`Observation?patient=${MATCHED}&code=1-1,2-2`, ['obs-late', `obs-${MATCHED}`]],
    [`Observation?patient=${MATCHED}&status:not=final`, ['obs-late']],
    [`Observation?patient=${MATCHED}&date=2026-01-15`, [`obs-${MATCHED}`]],
    [`Observation?patient=${MATCHED}&date=ge2026-01-20`, ['obs-late']],
    ['Practitioner?name=zoe', ['doc']],
    ['Practitioner?name:exact=Doe', ['doc']],
    ['Practitioner?name:contains=ria', ['doc2']],
    ['Practitioner?identifier=npi|77', ['doc']],
    ['PractitionerRole?specialty=207R', ['role', 'role2']],
    ['PractitionerRole?specialty=nucc|207R', ['role']],
    ['PractitionerRole?practitioner=doc', ['role']],
    ['PractitionerRole?practitioner=Practitioner/doc2', ['role2']],
    ['Organization?name=big', ['org']],
    ['Organization?address=spring', ['org']],
    ['Organization?address=main', []],
    ['Location?name=ward', ['loc']],
    ['Location?address=MA', ['loc']],
    ['Location?address-city=spring', ['loc']],
    ['Group?identifier=G1', ['grp']],
    ['Group?code=pdex|match', ['grp']],
    ['Group?characteristic=payer', ['grp']],
    ['Group?characteristic-value-reference=Organization/org', ['grp']],
  ])('finds by %s', async (url, expected) => {
    expect(matches(await ask(`/${url}`))).toEqual(expected);
  });

  it.each([
    ...[
      'AllergyIntolerance',
      'Condition',
      'DiagnosticReport',
      'Goal',
      'Immunization',
      'Procedure',
      'MedicationDispense',
    ],
    ...[
      'Device',
      'DocumentReference',
      'Encounter',
      'MedicationRequest',
      'CarePlan',
      'CareTeam',
      'Consent',
      'ServiceRequest',
    ],
    ...['Specimen', 'ImagingStudy'],
  ])('finds %s by patient, for a partner too', async (type) => {
    for (const as of ['operator', 'partner'] as const) {
      expect(matches(await ask(`/${type}?patient=${MATCHED}`, { as }))).toEqual([`t-${type}`]);
    }
  });

  it.each([
    [`ExplanationOfBenefit?identifier=claims|C-${MATCHED}`, [`eob-${MATCHED}`]],
    ['ExplanationOfBenefit?identifier=claims|C-other', []],
    ['ExplanationOfBenefit?type=pharmacy', [`eob-${MATCHED}`]],
    ['Observation?code=1-1', [`obs-${MATCHED}`]],
    ['Patient?name=s', [MATCHED]],
    ['Patient?birthdate=1980-02-03', []],
    ['Coverage?identifier=S-other', []],
    ['Observation?_id=obs-other', []],
  ])('keeps a partner to its members without a patient in the search: %s', async (url, expected) => {
    expect(matches(await ask(`/${url}`, { as: 'partner' }))).toEqual(expected);
  });

  it.each([
    ['Observation?patient.identifier=mrn|2', ['obs-other']],
    ['Observation?patient:Patient.name=smith', ['obs-other']],
    ['Observation?subject.identifier=mrn|9', []],
    ['PractitionerRole?practitioner.identifier=npi|77', ['role']],
    ['PractitionerRole?practitioner.name=dor', ['role2']],
    ['Group?characteristic-value-reference:Organization.name=big', ['grp']],
  ])('follows the chain of %s', async (url, expected) => {
    expect(matches(await ask(`/${url}`))).toEqual(expected);
  });
});
