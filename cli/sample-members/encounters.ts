import { SYSTEMS, coding, concept, cptConcept, hl7Concept, identifierOf, usCore } from './concepts.ts';
import type { Problem } from './clinical-codes.ts';
import type { Clinician, Site, SiteKind } from './directory.ts';
import type { JsonObject } from './json.ts';
import { PAYER_SYSTEMS } from './payer.ts';
import { clinicianOf, siteOf, subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody, Target } from './resource.ts';
import { DAY, HOUR, MINUTE, periodOf } from './times.ts';
import type { Span } from './times.ts';

/** Where, when and by whom; its encounter is what the other resources of a visit point to. */
export interface Visit {
  readonly site: Site;
  readonly clinician: Clinician;
  readonly span: Span;
  readonly encounter: Target;
}

export type EncounterClass = 'AMB' | 'EMER' | 'IMP';

const CLASSES: Readonly<
  Record<EncounterClass, { readonly display: string; readonly cpt: string; readonly text: string }>
> = {
  AMB: { display: 'ambulatory', cpt: '99213', text: 'Office visit' },
  EMER: { display: 'emergency', cpt: '99283', text: 'Emergency visit' },
  IMP: { display: 'inpatient encounter', cpt: '99223', text: 'Hospital stay' },
};

/** Days before the reference date: a little more than the five years that an exchange has to ask for. */
const OLDEST = 2190;
/** So long before it that claims and refills, which come later, are in time. */
const NEWEST = 60;

export function newVisit(record: MemberRecord, kind: SiteKind, hours: number, oldest = OLDEST): Visit {
  const { random, referenceTime } = record;
  const start = referenceTime - random.integer(NEWEST, oldest) * DAY + random.integer(13 * 60, 21 * 60) * MINUTE;
  const site = siteOf(record, kind);
  return {
    site,
    clinician: clinicianOf(record, site),
    span: { start, end: start + hours * HOUR },
    encounter: record.newTarget('Encounter'),
  };
}

export function encounter(record: MemberRecord, visit: Visit, code: EncounterClass, reason: Problem): ResourceBody {
  const { site, span } = visit;
  const { display, cpt, text } = CLASSES[code];
  return {
    ...visit.encounter,
    meta: usCore('encounter'),
    identifier: [{ use: 'official', ...identifierOf(PAYER_SYSTEMS.record, visit.encounter.id) }],
    status: 'finished',
    class: coding(SYSTEMS.actCode, code, display),
    type: [cptConcept(cpt, text)],
    subject: subjectOf(record),
    participant: [
      {
        type: [hl7Concept('v3-ParticipationType', 'PPRF', 'primary performer')],
        period: periodOf(span),
        individual: clinicianReference(record, visit),
      },
    ],
    period: periodOf(span),
    reasonCode: [concept(SYSTEMS.snomed, reason.snomed, reason.display)],
    hospitalization:
      code === 'IMP' ? { dischargeDisposition: hl7Concept('discharge-disposition', 'home', 'Home') } : undefined,
    location: [{ location: referenceTo(site.location, site.name) }],
    serviceProvider: providerReference(record, site),
  };
}

/** Mostly literal; sometimes a search by NPI, as some payers' systems write it. */
function clinicianReference({ random }: MemberRecord, { clinician }: Visit): JsonObject {
  if (!random.chance(0.1)) return referenceTo(clinician, clinician.name);
  return { reference: `Practitioner?identifier=${SYSTEMS.npi}|${clinician.npi}`, display: clinician.name };
}

/** Mostly literal; sometimes by business identifier alone. */
function providerReference({ random }: MemberRecord, site: Site): JsonObject {
  if (!random.chance(0.1)) return referenceTo(site.organization, site.name);
  return { type: 'Organization', identifier: { system: SYSTEMS.npi, value: site.npi }, display: site.name };
}
