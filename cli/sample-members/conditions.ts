import { SYSTEMS, US_CORE, coding, concept, hl7Concept, usCore } from './concepts.ts';
import { ALLERGIES } from './clinical-codes.ts';
import type { Problem } from './clinical-codes.ts';
import type { Visit } from './encounters.ts';
import type { JsonObject } from './json.ts';
import { subjectOf } from './record.ts';
import type { MemberRecord } from './record.ts';
import { referenceTo } from './resource.ts';
import type { ResourceBody } from './resource.ts';
import { DAY, dateText, localText } from './times.ts';

export function problemConcept({ snomed, icd10, display }: Problem): JsonObject {
  return { coding: [coding(SYSTEMS.snomed, snomed, display), coding(SYSTEMS.icd10, icd10)], text: display };
}

/** Restricted, and why: what a responding payer may have to hold back. */
export function labelsOf({ sensitivity }: Problem): JsonObject[] | undefined {
  if (sensitivity === undefined) return undefined;
  return [
    coding('http://terminology.hl7.org/CodeSystem/v3-Confidentiality', 'R', 'restricted'),
    coding(SYSTEMS.actCode, sensitivity),
  ];
}

/** On the problem list, for good. */
export function chronicCondition(record: MemberRecord, problem: Problem): ResourceBody {
  const onset = record.referenceTime - record.random.integer(800, 2100) * DAY;
  return {
    ...record.newTarget('Condition'),
    meta: { ...usCore('condition-problems-health-concerns'), security: labelsOf(problem) },
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate',
        valueDateTime: dateText(onset + 3 * DAY),
      },
    ],
    clinicalStatus: hl7Concept('condition-clinical', 'active', 'Active'),
    verificationStatus: hl7Concept('condition-ver-status', 'confirmed', 'Confirmed'),
    category: [hl7Concept('condition-category', 'problem-list-item', 'Problem List Item')],
    code: problemConcept(problem),
    subject: subjectOf(record),
    onsetDateTime: dateText(onset),
    recordedDate: dateText(onset + 3 * DAY),
  };
}

export function encounterDiagnosis(record: MemberRecord, visit: Visit, problem: Problem): ResourceBody {
  return {
    ...record.newTarget('Condition'),
    meta: { ...usCore('condition-encounter-diagnosis'), security: labelsOf(problem) },
    clinicalStatus: hl7Concept('condition-clinical', 'resolved', 'Resolved'),
    verificationStatus: hl7Concept('condition-ver-status', 'confirmed', 'Confirmed'),
    category: [hl7Concept('condition-category', 'encounter-diagnosis', 'Encounter Diagnosis')],
    code: problemConcept(problem),
    subject: subjectOf(record),
    encounter: referenceTo(visit.encounter),
    onsetDateTime: localText(visit.span.start),
    abatementDateTime: dateText(visit.span.end + 14 * DAY),
    recordedDate: localText(visit.span.start),
  };
}

export function allergy(record: MemberRecord): ResourceBody {
  const { random } = record;
  const { snomed, display, category } = random.pick(ALLERGIES);
  return {
    ...record.newTarget('AllergyIntolerance'),
    meta: { profile: [`${US_CORE}/StructureDefinition/us-core-allergyintolerance`] },
    clinicalStatus: hl7Concept('allergyintolerance-clinical', 'active', 'Active'),
    verificationStatus: hl7Concept('allergyintolerance-verification', 'confirmed', 'Confirmed'),
    type: 'allergy',
    category: [category],
    criticality: random.pick(['low', 'high', 'unable-to-assess']),
    code: concept(SYSTEMS.snomed, snomed, display),
    patient: subjectOf(record),
    recordedDate: dateText(record.referenceTime - random.integer(400, 2000) * DAY),
    reaction: [
      {
        manifestation: [concept(SYSTEMS.snomed, '271807003', 'Skin rash')],
        severity: 'mild',
        description: 'Itchy 😖 for 2–3 h',
      },
    ],
  };
}
