import { coded } from '../membership/records.ts';

/** What a requesting payer knows of a member. */
export interface AskedMember {
  readonly family: string;
  readonly given: readonly string[];
  readonly gender: string;
  readonly birthDate: string;
  /** Of the card. */
  readonly memberNumber?: string;
  readonly subscriberId?: string;
}

const POLICY = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#sensitive';
const YEARS = { start: '2020-01-01', end: '2099-12-31' };
const MEMBER = { reference: 'Patient/asked' };

/** Body of `$member-match` (HRex), with a consent to everything. */
export function matchRequest({ family, given, gender, birthDate, memberNumber, subscriberId }: AskedMember): string {
  const patient = { resourceType: 'Patient', id: 'asked', name: [{ family, given }], gender, birthDate };
  const card = {
    ...(memberNumber !== undefined && { identifier: [{ type: coded('v2-0203', 'MB'), value: memberNumber }] }),
    ...(subscriberId !== undefined && { subscriberId }),
  };
  const parameter = [
    { name: 'MemberPatient', resource: patient },
    { name: 'CoverageToMatch', resource: coverageOf('to-match', card) },
    { name: 'CoverageToLink', resource: coverageOf('to-link', { subscriberId: 'OURS' }) },
    { name: 'Consent', resource: consent() },
  ];
  return JSON.stringify({ resourceType: 'Parameters', parameter });
}

function coverageOf(id: string, card: object): object {
  return {
    ...{ resourceType: 'Coverage', id, ...card, status: 'active', beneficiary: MEMBER },
    ...{ relationship: coded('subscriber-relationship', 'self'), payor: [{ display: 'A payer' }] },
  };
}

function consent(): object {
  const actor = (system: string, code: string): object => ({
    role: coded(system, code),
    reference: { display: 'A payer' },
  });
  return {
    ...{ resourceType: 'Consent', status: 'active', scope: coded('consentscope', 'patient-privacy') },
    ...{ category: [coded('v3-ActCode', 'IDSCL')], patient: MEMBER, performer: [MEMBER] },
    sourceReference: { reference: 'DocumentReference/consent' },
    policy: [{ uri: POLICY }],
    provision: {
      ...{ type: 'permit', period: YEARS, action: [coded('consentaction', 'disclose')] },
      actor: [actor('provenance-participant-type', 'performer'), actor('v3-ParticipationType', 'IRCP')],
    },
  };
}
