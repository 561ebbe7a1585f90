import {
  ACUTE,
  DENTAL,
  DENTAL_SERVICES,
  INPATIENT,
  INPATIENT_SERVICES,
  OFFICE_SERVICES,
  OUTPATIENT_SERVICES,
  SENSITIVE,
} from './clinical-codes.ts';
import type { Service } from './clinical-codes.ts';
import { institutionalClaim, oralClaim, pharmacyClaim, professionalClaim } from './claim-kinds.ts';
import { encounterDiagnosis } from './conditions.ts';
import { clinicalNote, supportingDocument } from './documents.ts';
import { encounter, newVisit } from './encounters.ts';
import type { Visit } from './encounters.ts';
import { GLYCATED_HEMOGLOBIN, PANELS } from './lab-codes.ts';
import { panelResults, viralLoad } from './laboratory.ts';
import { dispense, prescription } from './medications.ts';
import { smokingStatus, vitalSigns } from './observations.ts';
import { priorAuthorization } from './prior-authorizations.ts';
import { immunization, procedure } from './procedures.ts';
import { authorRecord } from './provenance.ts';
import type { MemberRecord } from './record.ts';
import type { ResourceBody, Target } from './resource.ts';
import { screening } from './surveys.ts';

/** The resources of one visit; none points to a later one. */
export type VisitKind = (record: MemberRecord) => Generator<ResourceBody>;

const OFFICE_VISIT: Service = { snomed: '185349003', display: 'Office visit', claimed: '99213' };

export function* officeVisit(record: MemberRecord): Generator<ResourceBody> {
  yield* office(record, (probability) => record.random.chance(probability));
}

/** An office visit that leaves nothing out. */
export function* checkUp(record: MemberRecord): Generator<ResourceBody> {
  yield* office(record, () => true);
}

function* office(record: MemberRecord, happens: (probability: number) => boolean): Generator<ResourceBody> {
  const { random } = record;
  const visit = newVisit(record, 'clinic', 1);
  const problem = random.chance(0.05) ? random.pick(SENSITIVE) : random.pick(ACUTE);
  yield encounter(record, visit, 'AMB', problem);
  const diagnosis = encounterDiagnosis(record, visit, problem);
  yield diagnosis;
  const written: Target[] = [visit.encounter, diagnosis];
  const services = random.some(OFFICE_SERVICES, random.integer(1, 2));
  for (const service of services) {
    const body = procedure(record, visit, service, diagnosis);
    written.push(body);
    yield body;
  }
  yield* vitalSigns(record, visit);
  if (happens(0.3)) yield smokingStatus(record, visit);
  const vaccination = happens(0.2) ? immunization(record, visit) : undefined;
  if (vaccination !== undefined) yield vaccination.body;
  const shot = vaccination ? [{ claimed: vaccination.claimed, display: 'Vaccination' }] : [];
  yield professionalClaim(record, visit, problem, [OFFICE_VISIT, ...services, ...shot]);
  if (happens(0.35)) yield* clinicalNote(record, visit, problem, false);
  if (happens(0.4)) yield authorRecord(record, visit, written);
  if (happens(0.8)) yield* medicationOrder(record, visit, diagnosis, happens);
}

function* medicationOrder(
  record: MemberRecord,
  visit: Visit,
  reason: Target,
  happens: (probability: number) => boolean,
): Generator<ResourceBody> {
  const ordered = prescription(record, visit, reason);
  yield ordered.body;
  if (happens(0.6)) yield dispense(record, visit, ordered);
  yield pharmacyClaim(record, visit, ordered);
}

export function* laboratoryVisit(record: MemberRecord): Generator<ResourceBody> {
  const { random } = record;
  const visit = newVisit(record, 'laboratory', 2);
  const problem = random.pick(ACUTE);
  const panel = random.pick(PANELS);
  const analytes = random.chance(0.3) ? [...panel.analytes, GLYCATED_HEMOGLOBIN] : panel.analytes;
  yield encounter(record, visit, 'AMB', problem);
  yield* panelResults(record, visit, { ...panel, analytes });
  if (random.chance(0.05)) yield viralLoad(record, visit);
  yield professionalClaim(record, visit, problem, [panel, { claimed: '36415', display: 'Venous blood draw' }]);
}

export function* hospitalStay(record: MemberRecord): Generator<ResourceBody> {
  const { random } = record;
  const visit = newVisit(record, 'hospital', 24 * random.integer(1, 6));
  const problem = random.pick(INPATIENT);
  yield encounter(record, visit, 'IMP', problem);
  const diagnosis = encounterDiagnosis(record, visit, problem);
  yield diagnosis;
  for (const service of INPATIENT_SERVICES) yield procedure(record, visit, service, diagnosis);
  yield* vitalSigns(record, visit);
  yield* panelResults(record, visit, random.pick(PANELS));
  yield* clinicalNote(record, visit, problem, true);
  yield institutionalClaim(record, visit, {
    kind: 'inpatient',
    problems: [problem, random.pick(ACUTE)],
    services: INPATIENT_SERVICES,
    revenue: '0120',
  });
  yield authorRecord(record, visit, [visit.encounter, diagnosis]);
}

/** An emergency, or something planned that needed a prior authorization. */
export function* outpatientVisit(record: MemberRecord): Generator<ResourceBody> {
  const { random } = record;
  const visit = newVisit(record, 'hospital', 3);
  const problem = random.pick(ACUTE);
  const isPlanned = random.chance(0.5);
  yield encounter(record, visit, isPlanned ? 'AMB' : 'EMER', problem);
  const service = random.pick(OUTPATIENT_SERVICES);
  yield procedure(record, visit, service);
  const revenue = isPlanned ? '0320' : '0450';
  yield institutionalClaim(record, visit, { kind: 'outpatient', problems: [problem], services: [service], revenue });
  if (isPlanned) yield* authorizedService(record);
}

export function* dentalVisit(record: MemberRecord): Generator<ResourceBody> {
  const { random } = record;
  const visit = newVisit(record, 'dentist', 1);
  const problem = random.pick(DENTAL);
  yield encounter(record, visit, 'AMB', problem);
  const diagnosis = encounterDiagnosis(record, visit, problem);
  yield diagnosis;
  const services = random.some(DENTAL_SERVICES, 2);
  for (const service of services) yield procedure(record, visit, service, diagnosis);
  yield oralClaim(record, visit, problem, services);
}

export function* screeningVisit(record: MemberRecord): Generator<ResourceBody> {
  const { random } = record;
  const visit = newVisit(record, 'clinic', 1);
  yield encounter(record, visit, 'AMB', random.pick(ACUTE));
  yield* screening(record, visit);
}

/** Payers hand over authorizations that are in force, and those that were so in the last year. */
const OLDEST_AUTHORIZATION = 300;

/** The visit at which a service was asked for, with a document. */
export function* authorizedService(record: MemberRecord): Generator<ResourceBody> {
  const { random } = record;
  const visit = newVisit(record, 'hospital', 1, OLDEST_AUTHORIZATION);
  const problem = random.pick(ACUTE);
  yield encounter(record, visit, 'AMB', problem);
  const document = supportingDocument(record, visit);
  yield document;
  yield priorAuthorization(record, visit, { problem, service: random.pick(OUTPATIENT_SERVICES), document });
}
