import { SYSTEMS, hl7Concept, identifierOf } from './concepts.ts';
import type { JsonObject } from './json.ts';
import { printJson } from './json.ts';
import { localCoverage, localPatientId, payorOf, systemOf } from './local-patient.ts';
import type { SampleMember } from './member.ts';
import { PAYER_SYSTEMS } from './payer.ts';
import type { PayerName } from './payer.ts';

export interface SampleInvokeExport {
  /** Issuer under which the requesting payer has registered the responding one. */
  readonly sourceIssuerUrl: string;
  readonly respondingPayer: PayerName;
  readonly requestingPayer: PayerName;
  /** First day of the coverage at the requesting payer, `YYYY-MM-DD`, as `localPatientFor` was told. */
  readonly coverageStart: string;
  /** `YYYY-MM-DD`, both inclusive. */
  readonly consentPeriod: { readonly start: string; readonly end: string };
  /** HRex: all but what law calls sensitive, or everything. */
  readonly policy: 'regular' | 'sensitive';
  /** Types to export; all where absent. */
  readonly types?: readonly string[];
}

const POLICY = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html';

/**
 * JSON text of the body of `Patient/$sdh.s2s.invoke-export` for a member whose `localPatientFor` the requesting payer
 * holds. References inside the match parts point at MemberPatient, which carries the local id (HRex mm-6).
 */
export function sampleInvokeExport(member: SampleMember, request: SampleInvokeExport): string {
  const patientId = localPatientId(member);
  const resourcePart = (name: string, resource: JsonObject): JsonObject => ({ name, resource });
  const parameter: JsonObject[] = [
    { name: 'localPatient', valueReference: { reference: `Patient/${patientId}` } },
    { name: 'sourceIssuerUrl', valueString: request.sourceIssuerUrl },
    {
      name: 'memberMatch',
      part: [
        resourcePart('MemberPatient', memberPatient(member, patientId)),
        resourcePart('CoverageToMatch', coverageToMatch(member, patientId, request.respondingPayer)),
        resourcePart(
          'CoverageToLink',
          localCoverage(member, { payer: request.requestingPayer, coverageStart: request.coverageStart }),
        ),
        resourcePart('Consent', consent(patientId, request)),
      ],
    },
  ];
  if (request.types !== undefined) {
    parameter.push({ name: 'export', part: [{ name: '_type', valueString: request.types.join(',') }] });
  }
  return printJson({ resourceType: 'Parameters', parameter });
}

function memberPatient({ person, birthDate, address }: SampleMember, id: string): JsonObject {
  return {
    resourceType: 'Patient',
    id,
    name: [{ use: 'official', family: person.family, given: person.given }],
    gender: person.gender,
    birthDate,
    address: [{ use: 'home', ...address }],
  };
}

function coverageToMatch(member: SampleMember, patientId: string, payer: PayerName): JsonObject {
  return {
    resourceType: 'Coverage',
    id: member.coverageId,
    identifier: [identifierOf(PAYER_SYSTEMS.member, member.memberNumber, 'MB')],
    status: 'active',
    subscriberId: member.subscriberId,
    beneficiary: { reference: `Patient/${patientId}` },
    dependent: member.dependent,
    relationship: hl7Concept('subscriber-relationship', member.dependent === '00' ? 'self' : 'child'),
    payor: [payorOf(payer)],
    class: [{ type: hl7Concept('coverage-class', 'group'), value: member.groupNumber }],
  };
}

function consent(patientId: string, request: SampleInvokeExport): JsonObject {
  const { respondingPayer, requestingPayer, consentPeriod, policy } = request;
  const patient = { reference: `Patient/${patientId}` };
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: hl7Concept('consentscope', 'patient-privacy'),
    category: [{ coding: [{ system: SYSTEMS.actCode, code: 'IDSCL' }] }],
    patient,
    dateTime: consentPeriod.start,
    performer: [patient],
    sourceReference: {
      type: 'DocumentReference',
      identifier: { system: systemOf(requestingPayer, 'consent-form'), value: patientId },
      display: 'Signed consent form',
    },
    policy: [{ uri: `${POLICY}#${policy}` }],
    provision: {
      type: 'permit',
      period: consentPeriod,
      actor: [
        { role: hl7Concept('provenance-participant-type', 'performer'), reference: payorOf(respondingPayer) },
        { role: hl7Concept('v3-ParticipationType', 'IRCP'), reference: payorOf(requestingPayer) },
      ],
      action: [hl7Concept('consentaction', 'disclose')],
    },
  };
}
