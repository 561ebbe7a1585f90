import { CARIN, SYSTEMS, concept, hl7Concept } from './concepts.ts';
import type { Problem, Service } from './clinical-codes.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import { PAYER_SYSTEMS, SAMPLE_PAYER } from './payer.ts';
import { coverageOf, subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';
import { DAY, dateText, datePeriodOf, instantText } from './times.ts';
import type { Span } from './times.ts';

/** What every claim has; the files of the single kinds add their own. */
export interface ClaimParts {
  readonly profile: string;
  readonly type: 'professional' | 'institutional' | 'oral' | 'pharmacy';
  readonly span: Span;
  readonly provider: Target;
  readonly providerName: string;
  readonly content: JsonObject;
}

/** CARIN BB "Basis": what was done and decided, no amounts. */
export function claim(record: MemberRecord, parts: ClaimParts): ResourceBody {
  const { random } = record;
  const received = parts.span.end + random.integer(1, 20) * DAY;
  return {
    ...record.newTarget('ExplanationOfBenefit'),
    meta: {
      lastUpdated: instantText(received + DAY),
      profile: [`${CARIN}/StructureDefinition/C4BB-ExplanationOfBenefit-${parts.profile}-Basis|2.1.0`],
    },
    identifier: [
      {
        type: concept(`${CARIN}/CodeSystem/C4BBIdentifierType`, 'uc'),
        system: PAYER_SYSTEMS.claim,
        value: `C${random.digits(14)}`,
      },
    ],
    status: 'active',
    type: hl7Concept('claim-type', parts.type),
    use: 'claim',
    patient: subjectOf(record),
    billablePeriod: datePeriodOf(parts.span),
    created: instantText(received),
    insurer: referenceTo(record.directory.payer, SAMPLE_PAYER.display),
    provider: referenceTo(parts.provider, parts.providerName),
    outcome: 'complete',
    insurance: [{ focal: true, coverage: referenceTo(coverageOf(record)) }],
    adjudication: [status('benefitpaymentstatus', 'innetwork'), status('billingnetworkstatus', 'innetwork')],
    ...parts.content,
  };
}

export function status(discriminator: string, code: string): JsonObject {
  return {
    category: concept(`${CARIN}/CodeSystem/C4BBAdjudicationDiscriminator`, discriminator),
    reason: concept(`${CARIN}/CodeSystem/C4BBPayerAdjudicationStatus`, code),
  };
}

/** Entries of `supportingInfo`, numbered as they come. */
export function supporting(...entries: readonly (readonly [category: string, content: JsonObject])[]): JsonObject[] {
  return entries.map(([category, content], index) => ({
    sequence: index + 1,
    category: concept(`${CARIN}/CodeSystem/C4BBSupportingInfoType`, category),
    ...content,
  }));
}

export function received({ end }: Span): readonly [string, JsonObject] {
  return ['clmrecvddate', { timingDate: dateText(end + DAY) }];
}

export function diagnoses(...problems: readonly Problem[]): JsonObject[] {
  return problems.map(({ icd10 }, index) => ({
    sequence: index + 1,
    diagnosisCodeableConcept: concept(SYSTEMS.icd10, icd10),
    type: [hl7Concept('ex-diagnosistype', index === 0 ? 'principal' : 'other')],
  }));
}

/** The referral is contained: it points at it by `#referral`, and the referral itself out of the claim again. */
export function contained(record: MemberRecord, visit: Visit): JsonObject {
  const referral = {
    resourceType: 'ServiceRequest',
    id: 'referral',
    status: 'completed',
    intent: 'order',
    subject: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    requester: { reference: `Practitioner?identifier=${SYSTEMS.npi}|${visit.clinician.npi}` },
  };
  return { contained: [referral], referral: { reference: '#referral' } };
}

/** Items in a place of service, each with the visit's only diagnosis. */
export function placedItems(
  visit: Visit,
  system: string,
  services: readonly Pick<Service, 'claimed' | 'display'>[],
): JsonObject[] {
  return services.map(({ claimed, display }, index) => ({
    sequence: index + 1,
    careTeamSequence: [1],
    diagnosisSequence: [1],
    productOrService: { coding: [{ system, code: claimed }], text: display },
    servicedDate: dateText(visit.span.start),
    locationCodeableConcept: concept(SYSTEMS.placeOfService, '11', 'Office'),
    encounter: [referenceTo(visit.encounter)],
    adjudication: [status('benefitpaymentstatus', 'paid')],
  }));
}

export function careTeam({ clinician }: Visit, role: string): JsonObject[] {
  return [
    {
      sequence: 1,
      provider: referenceTo(clinician, clinician.name),
      responsible: true,
      role: concept(`${CARIN}/CodeSystem/C4BBClaimCareTeamRole`, role),
    },
  ];
}

export function accountNumbers({ random }: MemberRecord): readonly (readonly [string, JsonObject])[] {
  return [
    ['medicalrecordnumber', { valueString: `MRN-${random.digits(9)}` }],
    ['patientaccountnumber', { valueString: `ACC-${random.digits(8)}` }],
  ];
}
