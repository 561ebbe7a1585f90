import { PDEX, SYSTEMS, concept, hl7Concept } from './concepts.ts';
import type { Problem, Service } from './clinical-codes.ts';
import { diagnoses } from './claims.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import { decimal } from './json.ts';
import { PAYER_SYSTEMS, SAMPLE_PAYER } from './payer.ts';
import { coverageOf, subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';
import { DAY, dateText, datePeriodOf, instantText } from './times.ts';

const EXTENSION = `${PDEX}/StructureDefinition`;
const PAS_EXTENSION = 'http://hl7.org/fhir/us/davinci-pas/StructureDefinition';
const DECISIONS = [
  ['A1', 'Certified in total'],
  ['A4', 'Pended'],
  ['A6', 'Modified'],
] as const;

export interface Authorization {
  readonly problem: Problem;
  readonly service: Service;
  /** What the provider sent along. */
  readonly document: Target;
}

/** PDex Prior Authorization, of an item or service; its total counts units, not money. */
export function priorAuthorization(record: MemberRecord, visit: Visit, authorization: Authorization): ResourceBody {
  const { random } = record;
  const { site } = visit;
  const number = `AUTH${random.digits(8)}`;
  const span = { start: visit.span.start, end: visit.span.start + 90 * DAY };
  return {
    ...record.newTarget('ExplanationOfBenefit'),
    meta: { lastUpdated: instantText(visit.span.end), profile: [`${EXTENSION}/pdex-priorauthorization`] },
    extension: [
      {
        url: `${EXTENSION}/extension-levelOfServiceCode`,
        valueCodeableConcept: concept('https://codesystem.x12.org/005010/1338', 'U', 'Urgent'),
      },
    ],
    identifier: [{ system: PAYER_SYSTEMS.priorAuthorization, value: number }],
    status: 'active',
    type: hl7Concept('claim-type', 'institutional'),
    use: 'preauthorization',
    patient: subjectOf(record),
    billablePeriod: datePeriodOf(span),
    created: instantText(visit.span.end),
    insurer: referenceTo(record.directory.payer, SAMPLE_PAYER.display),
    provider: referenceTo(site.organization, site.name),
    priority: hl7Concept('processpriority', 'normal'),
    preAuthRef: [number],
    preAuthRefPeriod: [datePeriodOf(span)],
    outcome: 'complete',
    careTeam: [{ sequence: 1, provider: referenceTo(visit.clinician, visit.clinician.name), responsible: true }],
    supportingInfo: [supportingInfo(authorization.document)],
    diagnosis: diagnoses(authorization.problem),
    insurance: [{ focal: true, coverage: referenceTo(coverageOf(record)), preAuthRef: [number] }],
    item: [authorizedItem(record, visit, authorization.service, number)],
    total: [utilization()],
  };
}

function supportingInfo(document: Target): JsonObject {
  return {
    sequence: 1,
    category: concept('http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASSupportingInfoType', 'additionalInformation'),
    valueReference: referenceTo(document),
  };
}

function authorizedItem(record: MemberRecord, visit: Visit, service: Service, number: string): JsonObject {
  const [code, display] = record.random.pick(DECISIONS);
  return {
    extension: [
      {
        url: `${PAS_EXTENSION}/extension-itemTraceNumber`,
        valueIdentifier: { system: PAYER_SYSTEMS.priorAuthorization, value: `${number}-1` },
      },
      { url: `${PAS_EXTENSION}/extension-itemPreAuthIssueDate`, valueDate: dateText(visit.span.end) },
    ],
    sequence: 1,
    category: concept('https://x12.org/codes/service-type-codes', '3', 'Consultation'),
    productOrService: { coding: [{ system: SYSTEMS.cpt, code: service.claimed }], text: service.display },
    quantity: { value: decimal('12.00') },
    adjudication: [
      {
        extension: [
          {
            url: `${EXTENSION}/extension-reviewAction`,
            extension: [
              { url: 'number', valueString: number },
              {
                url: `${EXTENSION}/extension-reviewActionCode`,
                valueCodeableConcept: concept('https://codesystem.x12.org/005010/306', code, display),
              },
            ],
          },
        ],
        category: concept(`${PDEX}/CodeSystem/PDexAdjudicationDiscriminator`, 'allowedunits'),
        value: decimal('12.00'),
      },
    ],
  };
}

function utilization(): JsonObject {
  return {
    extension: [{ url: `${EXTENSION}/PriorAuthorizationUtilization`, valueQuantity: { value: decimal('2.50') } }],
    category: concept(`${PDEX}/CodeSystem/PriorAuthorizationValueCodes`, 'utilized', 'Utilized'),
    amount: {
      extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'not-applicable' }],
    },
  };
}
