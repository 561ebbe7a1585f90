import { describe, expect, it } from '@jest/globals';
import { ExchangeError } from '../../../fhir/errors.ts';
import { readMatchAnswer } from '../../../fhir/match-answer.ts';

const parameters = (...parameter: unknown[]): unknown => ({ resourceType: 'Parameters', parameter });
const typed = (code: string, value: string): unknown => ({
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code }] },
  system: 'http://old.example/member',
  value,
});
const read = { system: 'http://old.example/member', value: '55678' };

describe('an answer of $member-match', () => {
  it('of HRex 1.1 and 1.2 has an identifier and may have a reference', () => {
    const umb = { type: { coding: [{ code: 'UMB' }] }, system: 'http://old.example/member', value: '55678' };
    expect(
      readMatchAnswer(
        parameters(
          { name: 'MemberIdentifier', valueIdentifier: umb },
          { name: 'MemberId', valueReference: { reference: 'http://example.org/new-payer/fhir/Patient/pat1' } },
        ),
      ),
    ).toEqual({
      identifier: { ...read, type: 'UMB' },
      patientId: 'pat1',
      memberReference: 'http://example.org/new-payer/fhir/Patient/pat1',
    });
  });

  it('of HRex 1.0.0 has an identifier typed MB, and its value is no id', () => {
    expect(readMatchAnswer(parameters({ name: 'MemberIdentifier', valueIdentifier: typed('MB', '55678') }))).toEqual({
      identifier: { ...read, type: 'MB' },
    });
  });

  it.each([
    [{ name: 'MemberIdentifier', valueId: 'Patient/1326' }],
    [{ name: 'MemberIdentifier', valueString: 'Patient/1326' }],
    [{ name: 'MemberId', valueReference: { reference: 'Patient/1326' } }],
    [{ name: 'MemberIdentifier', valueReference: { reference: 'Patient/1326' } }],
    [{ name: 'memberId', valueUri: 'Patient/1326' }],
  ])('%j names a Patient', (entry) => {
    expect(readMatchAnswer(parameters(entry))).toEqual({ patientId: '1326', memberReference: 'Patient/1326' });
  });

  it('may have a bare id, or a version in its reference', () => {
    expect(readMatchAnswer(parameters({ name: 'MemberId', valueId: '1326' }))).toMatchObject({ patientId: '1326' });
    expect(
      readMatchAnswer(parameters({ name: 'MemberId', valueReference: { reference: 'Patient/1326/_history/2' } })),
    ).toMatchObject({ patientId: '1326' });
  });

  it('may have a logical reference', () => {
    expect(
      readMatchAnswer(parameters({ name: 'MemberId', valueReference: { identifier: typed('UMB', '55678') } })),
    ).toEqual({ identifier: { ...read, type: 'UMB' } });
  });

  it('of the ballots is the Patient that was sent, with an identifier more: its id is ours', () => {
    const patient = {
      resourceType: 'Patient',
      id: 'sent-by-us',
      identifier: [typed('MB', 'card'), typed('UMB', '55678')],
    };
    const expected = { identifier: { ...read, type: 'UMB' } };
    expect(readMatchAnswer(parameters({ name: 'MemberPatient', resource: patient }))).toEqual(expected);
    expect(readMatchAnswer(patient)).toEqual(expected);
  });

  it('that echoes the request is read by what was added', () => {
    const echoed = { resourceType: 'Patient', id: 'sent-by-us', identifier: [typed('UMB', 'of-us')] };
    expect(
      readMatchAnswer(
        parameters(
          { name: 'MemberPatient', resource: echoed },
          { name: 'MemberIdentifier', valueIdentifier: typed('UMB', '55678') },
        ),
      ),
    ).toEqual({ identifier: { ...read, type: 'UMB' } });
  });

  it('with the same member under two types gives the unique one', () => {
    expect(
      readMatchAnswer(
        parameters(
          { name: 'MemberIdentifier', valueIdentifier: typed('MB', 'card') },
          { name: 'MemberIdentifier', valueIdentifier: typed('UMB', '55678') },
        ),
      ),
    ).toEqual({ identifier: { ...read, type: 'UMB' } });
  });

  it.each([
    [parameters(), 'member-not-matched'],
    [{ resourceType: 'Parameters' }, 'member-not-matched'],
    [parameters({ name: 'MemberIdentifier', valueIdentifier: { system: 'x' } }), 'member-not-matched'],
    [parameters({ name: 'MemberId', valueReference: { reference: 'Group/1' } }), 'member-not-matched'],
    [
      parameters({ name: 'MemberId', valueId: 'Patient/1' }, { name: 'MemberId', valueId: 'Patient/2' }),
      'member-ambiguous',
    ],
    [
      parameters(
        { name: 'MemberIdentifier', valueIdentifier: typed('UMB', '1') },
        { name: 'MemberIdentifier', valueIdentifier: typed('UMB', '2') },
      ),
      'member-ambiguous',
    ],
    [{ resourceType: 'OperationOutcome' }, 'peer-invalid'],
    ['text', 'peer-invalid'],
  ])('%j is %s', (body, code) => {
    let thrown: unknown;
    try {
      readMatchAnswer(body);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ExchangeError);
    expect(thrown).toMatchObject({ code });
  });
});
