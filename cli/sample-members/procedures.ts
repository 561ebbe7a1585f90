import { SYSTEMS, concept, usCore } from './concepts.ts';
import { VACCINES } from './clinical-codes.ts';
import type { Service } from './clinical-codes.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import { EXTENSIONS } from './payer.ts';
import { subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';
import { localText, periodOf } from './times.ts';

/** `reason`: a diagnosis of the same visit, where there is one. */
export function procedure(record: MemberRecord, visit: Visit, service: Service, reason?: Target): ResourceBody {
  return {
    ...record.newTarget('Procedure'),
    meta: usCore('procedure'),
    extension: reason && [supportedBy(reason)],
    status: 'completed',
    code: concept(SYSTEMS.snomed, service.snomed, service.display),
    subject: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    performedPeriod: periodOf(visit.span),
    performer: [
      {
        actor: referenceTo(visit.clinician, visit.clinician.name),
        onBehalfOf: referenceTo(visit.site.organization, visit.site.name),
      },
    ],
    location: referenceTo(visit.site.location),
    reasonReference: reason && [referenceTo(reason)],
  };
}

/** References also stand inside extensions, and inside extensions of extensions. */
function supportedBy(reason: Target): JsonObject {
  return {
    url: `${EXTENSIONS}/supported-by`,
    extension: [
      { url: 'what', valueReference: referenceTo(reason) },
      {
        url: 'detail',
        extension: [{ url: 'again', valueReference: { ...referenceTo(reason), type: reason.resourceType } }],
      },
    ],
  };
}

export interface Vaccination {
  readonly body: ResourceBody;
  readonly claimed: string;
}

export function immunization(record: MemberRecord, visit: Visit): Vaccination {
  const { cvx, display, claimed } = record.random.pick(VACCINES);
  const body = {
    ...record.newTarget('Immunization'),
    meta: usCore('immunization'),
    status: 'completed',
    vaccineCode: concept(SYSTEMS.cvx, cvx, display),
    patient: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    occurrenceDateTime: localText(visit.span.start),
    primarySource: true,
    location: referenceTo(visit.site.location, visit.site.name),
    lotNumber: `LOT-${record.random.digits(5)}`,
    performer: [
      {
        actor: { type: 'Practitioner', identifier: { system: SYSTEMS.npi, value: visit.clinician.npi } },
      },
    ],
  };
  return { body, claimed };
}
