import { describe, expect, it } from '@jest/globals';
import { ExchangeError } from '../../../fhir/errors.ts';
import { matchAnswer, memberIdentifier, readMatchRequest } from '../../../fhir/member-match.ts';
import { readMatchAnswer } from '../../../fhir/match-answer.ts';
import { bulkExamples, changed, example, hrex, read, resource, textOf, vendor } from './match-examples.ts';

function refusal(text: string): { code: string; status: number; issue: string; expression: string | undefined } {
  try {
    readMatchRequest(text);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    const { code, entry, expression } = error;
    return { code, status: entry.status, issue: entry.issue, expression };
  }
  throw new Error('the request was accepted');
}

const refused = (expression: string) => ({ code: 'parameters-invalid', status: 422, issue: 'invalid', expression });

describe('the input of $member-match', () => {
  it('is read from the example of HRex, whose references are absolute', () => {
    const request = read(hrex());
    expect(request.patient['birthDate']).toBe('1974-12-25');
    expect(JSON.parse(request.consentText)).toEqual(resource(hrex(), 'Consent'));
    expect(JSON.parse(request.coverageToLinkText ?? '')).toEqual(resource(hrex(), 'CoverageToLink'));
  });

  it('is read from the request that the vendor publishes, with all its faults', () => {
    expect(read(vendor()).coverage['id']).toBe('OLD_COVERAGE_ID');
  });

  it("is read from each member of PDex's bulk example", () => {
    const members = bulkExamples();
    expect(members.length).toBeGreaterThan(0);
    for (const member of members) expect(read(member).patient['resourceType']).toBe('Patient');
  });

  it.each([
    ['relationship', 'CoverageToMatch', { relationship: undefined }],
    ['Consent.source', 'Consent', { sourceReference: undefined }],
  ])('may leave out %s', (_what, name, elements) => {
    expect(() => read(changed(name, elements))).not.toThrow();
  });

  it('may leave out CoverageToLink', () => {
    expect(read(hrex().filter(({ name }) => name !== 'CoverageToLink')).coverageToLinkText).toBeUndefined();
  });

  it('keeps the Consent as it was posted, digits and all', () => {
    const text = textOf(hrex()).replace('"status":"active","scope"', '"status" : "active","x":1.50,"scope"');
    expect(readMatchRequest(text).consentText).toContain('"status" : "active","x":1.50');
  });
});

describe('an input that HRex does not allow', () => {
  it.each(['no JSON', '[]', '{"resourceType":"Bundle"}'])('is a bad request when it is no Parameters: %s', (text) => {
    expect(refusal(text)).toMatchObject({ code: 'request-invalid', status: 400 });
  });

  it('is refused for a name in another case, naming the entry', () => {
    const entries = hrex();
    const [first] = entries;
    if (first !== undefined) first.name = 'memberPatient';
    expect(refusal(textOf(entries))).toEqual(refused('Parameters.parameter[0].name'));
  });

  it('is refused for an entry that is there twice', () => {
    expect(refusal(textOf([...hrex(), ...hrex().slice(0, 1)]))).toEqual(refused('Parameters.parameter[4]'));
  });

  it('is refused for a resource of another type', () => {
    expect(refusal(textOf(changed('Consent', { resourceType: 'Contract' })))).toEqual(
      refused('Parameters.parameter[3].resource'),
    );
  });

  it.each(['MemberPatient', 'CoverageToMatch', 'Consent'])('is refused without %s', (missing) => {
    expect(refusal(textOf(hrex().filter(({ name }) => name !== missing)))).toEqual(refused('Parameters.parameter'));
  });

  it.each([
    ['MemberPatient', { name: [{ given: ['Ann'] }] }, '[0].resource.name.family'],
    ['MemberPatient', { name: [{ family: 'Person' }] }, '[0].resource.name.given'],
    ['MemberPatient', { birthDate: undefined }, '[0].resource.birthDate'],
    ['MemberPatient', { gender: undefined }, '[0].resource.gender'],
    ['CoverageToMatch', { status: undefined }, '[1].resource.status'],
    ['CoverageToMatch', { beneficiary: undefined }, '[1].resource.beneficiary'],
    ['CoverageToMatch', { payor: [{ display: 'one' }, { display: 'two' }] }, '[1].resource.payor'],
    ['CoverageToMatch', { identifier: undefined }, '[1].resource.identifier'],
    ['CoverageToLink', { payor: [] }, '[2].resource.payor'],
    ['Consent', { status: undefined }, '[3].resource.status'],
    ['Consent', { scope: undefined }, '[3].resource.scope'],
    ['Consent', { category: [] }, '[3].resource.category'],
    ['Consent', { patient: undefined }, '[3].resource.patient'],
    ['Consent', { performer: undefined }, '[3].resource.performer'],
    ['Consent', { policy: undefined }, '[3].resource.policy.uri'],
    ['Consent', { provision: undefined }, '[3].resource.provision'],
    ['Consent', { provision: { type: 'permit' } }, '[3].resource.provision.period.start'],
  ])('is refused when %s has %j', (name, elements, at) => {
    expect(refusal(textOf(changed(name, elements)))).toEqual(refused(`Parameters.parameter${at}`));
  });
});

describe('the answer of $member-match', () => {
  const MB = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' }] };
  const SS = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'SS' }] };
  const ssn = { type: SS, system: 'http://hl7.org/fhir/sid/us-ssn', value: '999-26-2438' };
  const member = { type: MB, system: 'urn:us:member', value: '55678' };

  it('has the form of the example of HRex', () => {
    const answer = matchAnswer({ id: 'p1' }, { system: 'urn:us:member', value: '55678' }) as {
      parameter: Record<string, unknown>[];
    };
    const official = example('hrex/member-match-out') as unknown as Record<string, unknown>[];
    expect(answer.parameter.map((entry) => Object.keys(entry))).toEqual(official.map((entry) => Object.keys(entry)));
    expect(answer.parameter[0]).toMatchObject({
      valueIdentifier: { type: (official[0]?.['valueIdentifier'] as { type: unknown }).type },
    });
  });

  it('is understood by the requesting side', () => {
    expect(readMatchAnswer(matchAnswer({ id: 'p1' }, { system: 'urn:us:member', value: '55678' }))).toMatchObject({
      patientId: 'p1',
      identifier: { system: 'urn:us:member', value: '55678', type: 'UMB' },
    });
  });

  it('names the member number of the Patient before others', () => {
    expect(memberIdentifier({ id: 'p1', identifier: [ssn, member] })).toEqual({
      system: 'urn:us:member',
      value: '55678',
    });
  });

  it('takes the number of the card where the Patient has none', () => {
    const coverages = [{ identifier: [member] }];
    expect(memberIdentifier({ id: 'p1', identifier: [ssn] }, coverages).value).toBe('55678');
  });

  it('never gives a social security number away as the member number', () => {
    expect(memberIdentifier({ id: 'p1', identifier: [ssn] })).toEqual({ value: 'p1' });
  });
});
