const words = (text: string): string[] => text.split(/\s+/);

const BY_PATIENT = words(
  'AllergyIntolerance Claim ClaimResponse Consent CoverageEligibilityResponse Device EpisodeOfCare ' +
    'ExplanationOfBenefit FamilyMemberHistory Flag Immunization ImmunizationRecommendation NutritionOrder ' +
    'RelatedPerson SupplyDelivery VisionPrescription',
);
const BY_PATIENT_OR_SUBJECT = words(
  'Appointment Basic CarePlan CareTeam ClinicalImpression Communication CommunicationRequest Composition Condition ' +
    'DeviceRequest DeviceUseStatement DiagnosticReport DocumentReference Encounter Goal ImagingStudy List Media ' +
    'MedicationAdministration MedicationDispense MedicationRequest MedicationStatement Observation Procedure ' +
    'QuestionnaireResponse RiskAssessment ServiceRequest Specimen',
);
/** What no patient owns: searched by id, and found by following references. */
const SHARED = words(
  'Endpoint HealthcareService Location Medication Organization Practitioner PractitionerRole Substance',
);

/** Names under which a type is searched by its patient; types that are searched by id alone have none. */
const PATIENT_PARAMETERS = new Map<string, readonly string[]>([
  ...BY_PATIENT.map((type) => [type, ['patient']] as const),
  ...BY_PATIENT_OR_SUBJECT.map((type) => [type, ['patient', 'subject']] as const),
  ...[...SHARED, 'Patient', 'Provenance', 'Binary'].map((type) => [type, []] as const),
  ['Coverage', ['beneficiary']],
]);

export function isShared(type: string): boolean {
  return SHARED.includes(type);
}

export function isSearchable(type: string): boolean {
  return PATIENT_PARAMETERS.has(type);
}

export function patientParametersOf(type: string, changed: Record<string, string[]>): readonly string[] {
  return changed[type] ?? PATIENT_PARAMETERS.get(type) ?? [];
}

export function searchableTypes(): string[] {
  return [...PATIENT_PARAMETERS.keys()].sort();
}
