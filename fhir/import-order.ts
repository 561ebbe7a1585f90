/** Types that others point to first: then most references are answered when their line is read. */
const FIRST = [
  ...['Patient', 'Organization', 'Location', 'Practitioner', 'PractitionerRole', 'HealthcareService', 'Endpoint'],
  ...['Substance', 'Medication', 'Device', 'RelatedPerson', 'Coverage', 'Binary', 'EpisodeOfCare', 'Appointment'],
  ...['Encounter', 'Condition', 'CareTeam', 'Goal', 'CarePlan', 'ServiceRequest', 'MedicationRequest', 'Specimen'],
  ...['ImagingStudy', 'QuestionnaireResponse', 'Observation', 'DiagnosticReport', 'Procedure', 'DocumentReference'],
];
const LAST = ['Claim', 'ClaimResponse', 'ExplanationOfBenefit', 'Provenance'];

interface Imported {
  readonly list: string;
  readonly type: string | undefined;
  readonly number: number;
}

/**
 * The files of an exchange in the order of their import: error files have nothing to import, deletions come behind what is
 * delivered, and a file of several types, which was read for the others, is the last of all.
 */
export function inImportOrder<T extends Imported>(files: readonly T[]): readonly T[] {
  return [...files].sort((one, other) => rankOf(one) - rankOf(other) || one.number - other.number);
}

function rankOf({ list, type }: Imported): number {
  if (list === 'deleted') return 300;
  if (type === undefined) return 400;
  const first = FIRST.indexOf(type);
  if (first !== -1) return first;
  const last = LAST.indexOf(type);
  return last === -1 ? 100 : 200 + last;
}
