import { idOfUrn, parseReference } from './identifiers.ts';
import { RESOURCE_TYPES } from './resource-types.ts';

/**
 * The types of the R4 Patient CompartmentDefinition, each with the element that says whom the record is ABOUT. The
 * definition also takes in records of which a patient is performer, author, payee or subscriber: those are records of
 * somebody else, and one member's record must never hold another's.
 *
 * Two departures: Device is in (US Core exports implants by `Device.patient`; R4 has no parameter for it), Group is out
 * (it lists many members).
 */
const SUBJECT_PATHS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    Account: 'subject',
    AdverseEvent: 'subject',
    AllergyIntolerance: 'patient',
    Appointment: 'participant.actor',
    AppointmentResponse: 'actor',
    AuditEvent: 'entity.what',
    Basic: 'subject',
    BodyStructure: 'patient',
    CarePlan: 'subject',
    CareTeam: 'subject',
    ChargeItem: 'subject',
    Claim: 'patient',
    ClaimResponse: 'patient',
    ClinicalImpression: 'subject',
    Communication: 'subject',
    CommunicationRequest: 'subject',
    Composition: 'subject',
    Condition: 'subject',
    Consent: 'patient',
    Coverage: 'beneficiary',
    CoverageEligibilityRequest: 'patient',
    CoverageEligibilityResponse: 'patient',
    DetectedIssue: 'patient',
    Device: 'patient',
    DeviceRequest: 'subject',
    DeviceUseStatement: 'subject',
    DiagnosticReport: 'subject',
    DocumentManifest: 'subject',
    DocumentReference: 'subject',
    Encounter: 'subject',
    EnrollmentRequest: 'candidate',
    EpisodeOfCare: 'patient',
    ExplanationOfBenefit: 'patient',
    FamilyMemberHistory: 'patient',
    Flag: 'subject',
    Goal: 'subject',
    ImagingStudy: 'subject',
    Immunization: 'patient',
    ImmunizationEvaluation: 'patient',
    ImmunizationRecommendation: 'patient',
    Invoice: 'subject',
    List: 'subject',
    MeasureReport: 'subject',
    Media: 'subject',
    MedicationAdministration: 'subject',
    MedicationDispense: 'subject',
    MedicationRequest: 'subject',
    MedicationStatement: 'subject',
    MolecularSequence: 'patient',
    NutritionOrder: 'patient',
    Observation: 'subject',
    Person: 'link.target',
    Procedure: 'subject',
    Provenance: 'target',
    QuestionnaireResponse: 'subject',
    RelatedPerson: 'patient',
    RequestGroup: 'subject',
    ResearchSubject: 'individual',
    RiskAssessment: 'subject',
    Schedule: 'actor',
    ServiceRequest: 'subject',
    Specimen: 'subject',
    SupplyDelivery: 'patient',
    // The compartment's search parameter `subject` is this element.
    SupplyRequest: 'deliverTo',
    VisionPrescription: 'patient',
  }),
);

/** Types outside the compartment that can nevertheless say whom they are about. */
const OTHER_SUBJECT_PATHS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    Contract: 'subject',
    Group: 'member.entity',
    GuidanceResponse: 'subject',
    Task: 'for',
  }),
);

/** The types whose records belong to one member; ids of all other types derive without the Patient. */
export const COMPARTMENT_TYPES: ReadonlySet<string> = new Set(['Patient', ...SUBJECT_PATHS.keys()]);

/** The types that travel along with a member's records and may serve several members. */
export const SHARED_TYPES: ReadonlySet<string> = new Set([...RESOURCE_TYPES].filter((type) => !belongsToMember(type)));

/** Of the compartment, or the content of a document in it: R4 has no Binary in any compartment, and yet it is somebody's. */
export function belongsToMember(type: string): boolean {
  return COMPARTMENT_TYPES.has(type) || type === 'Binary';
}

/** Decided by the type alone, because a reference must give the same id as its target. */
export function inPatientCompartment(type: string): boolean {
  return COMPARTMENT_TYPES.has(type);
}

/** The subject path of a type, for a test against the definitions. */
export function subjectPath(type: string): string | undefined {
  return SUBJECT_PATHS.get(type) ?? OTHER_SUBJECT_PATHS.get(type);
}

/**
 * The literal references to Patients that a record of the compartment is about: relative, without version, each once;
 * absolute ones as they are written. A Patient is about itself.
 */
export function patientReferencesOf(resource: unknown): string[] {
  if (!isRecord(resource) || typeof resource['resourceType'] !== 'string') return [];
  const type = resource['resourceType'];
  if (type === 'Patient') return typeof resource['id'] === 'string' ? [`Patient/${resource['id']}`] : [];
  const path = SUBJECT_PATHS.get(type);
  if (path === undefined) return [];
  const references = new Set<string>();
  for (const reference of referencesAt(resource, path)) {
    const patient = patientReference(reference);
    if (patient !== undefined) references.add(patient);
  }
  return [...references];
}

/** All reference strings at the element that says whom the resource is about, inside the compartment or not. */
export function subjectReferencesOf(resource: Readonly<Record<string, unknown>>): string[] {
  const type = resource['resourceType'];
  const path = typeof type === 'string' ? subjectPath(type) : undefined;
  return path === undefined ? [] : valuesAt(resource, path).flatMap(subjectReference);
}

/** A URN that says to name a Patient is the reference to that Patient. */
function subjectReference(value: unknown): string[] {
  if (!isRecord(value) || typeof value['reference'] !== 'string') return [];
  const id = value['type'] === 'Patient' ? idOfUrn(value['reference']) : undefined;
  return [id === undefined ? value['reference'] : `Patient/${id}`];
}

function patientReference(reference: string): string | undefined {
  const parsed = parseReference(reference);
  if (parsed.kind === 'literal') return parsed.type === 'Patient' ? `Patient/${parsed.id}` : undefined;
  return /^https?:\/\/.*\/Patient\/[A-Za-z0-9\-.]{1,64}$/i.test(reference) ? reference : undefined;
}

function referencesAt(resource: Readonly<Record<string, unknown>>, path: string): string[] {
  return valuesAt(resource, path).flatMap((value) =>
    isRecord(value) && typeof value['reference'] === 'string' ? [value['reference']] : [],
  );
}

function valuesAt(resource: Readonly<Record<string, unknown>>, path: string): readonly unknown[] {
  if (!path.includes('.')) return listOf(resource[path]);
  let level: unknown[] = [resource];
  for (const step of path.split('.')) {
    level = level.flatMap((value): unknown[] => {
      if (!isRecord(value)) return [];
      return listOf(value[step]);
    });
  }
  return level;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
