import { CARIN, SYSTEMS, concept, cptConcept, hl7Concept, quantity } from './concepts.ts';
import type { Problem, Service } from './clinical-codes.ts';
import {
  accountNumbers,
  careTeam,
  claim,
  contained,
  diagnoses,
  placedItems,
  received,
  status,
  supporting,
} from './claims.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import type { Prescription } from './medications.ts';
import { siteOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody } from './resource.ts';
import { DAY, dateText, datePeriodOf } from './times.ts';

type Claimed = readonly Pick<Service, 'claimed' | 'display'>[];

export function professionalClaim(
  record: MemberRecord,
  visit: Visit,
  problem: Problem,
  services: Claimed,
): ResourceBody {
  const { site, span } = visit;
  return claim(record, {
    profile: 'Professional-NonClinician',
    type: 'professional',
    span,
    provider: site.organization,
    providerName: site.name,
    content: {
      ...(record.random.chance(0.15) ? contained(record, visit) : {}),
      careTeam: careTeam(visit, 'rendering'),
      supportingInfo: supporting(
        received(span),
        ['servicefacility', { valueReference: referenceTo(site.location, site.name) }],
        ...accountNumbers(record),
      ),
      diagnosis: diagnoses(problem),
      item: placedItems(visit, SYSTEMS.cpt, services),
      adjudication: [status('renderingnetworkstatus', 'innetwork'), status('billingnetworkstatus', 'innetwork')],
    },
  });
}

export function oralClaim(record: MemberRecord, visit: Visit, problem: Problem, services: Claimed): ResourceBody {
  const { site, clinician, span } = visit;
  return claim(record, {
    profile: 'Oral',
    type: 'oral',
    span,
    provider: clinician,
    providerName: clinician.name,
    content: {
      careTeam: careTeam(visit, 'rendering'),
      supportingInfo: supporting(
        received(span),
        ['servicefacility', { valueReference: referenceTo(site.organization, site.name) }],
        ...accountNumbers(record),
      ),
      diagnosis: diagnoses(problem),
      item: placedItems(visit, SYSTEMS.cdt, services),
      adjudication: [
        status('renderingnetworkstatus', 'innetwork'),
        status('benefitpaymentstatus', 'innetwork'),
        status('billingnetworkstatus', 'innetwork'),
      ],
    },
  });
}

const NUBC = 'https://www.nubc.org/CodeSystem';

interface Institutional {
  readonly kind: 'inpatient' | 'outpatient';
  readonly problems: readonly Problem[];
  readonly services: Claimed;
  readonly revenue: string;
}

export function institutionalClaim(record: MemberRecord, visit: Visit, stay: Institutional): ResourceBody {
  const { site, span } = visit;
  const isInpatient = stay.kind === 'inpatient';
  const admission = isInpatient ? ([['admissionperiod', { timingPeriod: datePeriodOf(span) }]] as const) : [];
  return claim(record, {
    profile: isInpatient ? 'Inpatient-Institutional' : 'Outpatient-Institutional',
    type: 'institutional',
    span,
    provider: site.organization,
    providerName: site.name,
    content: {
      subType: concept(`${CARIN}/CodeSystem/C4BBInstitutionalClaimSubType`, stay.kind),
      careTeam: careTeam(visit, 'attending'),
      supportingInfo: supporting(
        ...admission,
        received(span),
        ['typeofbill', { code: concept(`${NUBC}/TypeOfBill`, isInpatient ? '0111' : '0131') }],
        ['pointoforigin', { code: concept(`${NUBC}/PointOfOrigin`, '1') }],
        ['admtype', { code: concept(`${NUBC}/PriorityTypeOfAdmitOrVisit`, isInpatient ? '1' : '3') }],
        ['discharge-status', { code: concept(`${NUBC}/PatDischargeStatus`, '01') }],
        ...accountNumbers(record),
      ),
      diagnosis: diagnoses(...stay.problems),
      item: stay.services.map((service, index) => institutionalItem(visit, service, stay.revenue, index + 1)),
    },
  });
}

function institutionalItem(visit: Visit, service: Claimed[number], revenue: string, sequence: number): JsonObject {
  return {
    sequence,
    revenue: concept(`${NUBC}/RevenueCodes`, revenue),
    productOrService: cptConcept(service.claimed, service.display),
    servicedDate: dateText(visit.span.start),
    encounter: [referenceTo(visit.encounter)],
    adjudication: [status('benefitpaymentstatus', 'paid')],
  };
}

export function pharmacyClaim(record: MemberRecord, visit: Visit, { body, drug }: Prescription): ResourceBody {
  const { random } = record;
  const pharmacy = siteOf(record, 'pharmacy');
  const start = visit.span.start + random.integer(1, 25) * DAY;
  const span = { start, end: start };
  const ncpdp = (system: string, code: string): JsonObject => ({ code: hl7Concept(system, code) });
  return claim(record, {
    profile: 'Pharmacy',
    type: 'pharmacy',
    span,
    provider: pharmacy.organization,
    providerName: pharmacy.name,
    content: {
      prescription: referenceTo(body),
      supportingInfo: supporting(
        ['dayssupply', { valueQuantity: quantity('30', 'days', 'd') }],
        ['dawcode', ncpdp('NCPDPDispensedAsWrittenOrProductSelectionCode', '0')],
        ['refillnum', { valueQuantity: quantity('0', '{refill}') }],
        ['refillsauthorized', { valueQuantity: quantity('3', '{refill}') }],
        ['brandgenericindicator', ncpdp('NCPDPBrandGenericIndicator', '2')],
        ['rxorigincode', ncpdp('NCPDPPrescriptionOriginCode', '3')],
        ['compoundcode', ncpdp('NCPDPCompoundCode', '1')],
        received(span),
      ),
      item: [
        {
          sequence: 1,
          productOrService: concept(SYSTEMS.ndc, drug.ndc, drug.display),
          servicedDate: dateText(start),
          quantity: quantity('30.00', drug.unit),
          adjudication: [status('benefitpaymentstatus', 'paid')],
        },
      ],
    },
  });
}
