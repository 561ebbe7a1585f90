import { subjectPath } from './compartment.ts';
import { identifierCardinality } from './resource-types.ts';

export type ParameterKind = 'token' | 'date' | 'reference' | 'string' | 'uri';

/** A search parameter that an export's `_typeFilter` applies: elements by their paths, any of which may hold the value. */
export interface FilterParameter {
  readonly kind: ParameterKind;
  readonly paths: readonly string[];
}

type Definitions = Readonly<Record<string, Readonly<Partial<Record<ParameterKind, Readonly<Record<string, string>>>>>>>;

const EVERYWHERE: Definitions[string] = {
  token: { _id: 'id', _tag: 'meta.tag', _security: 'meta.security' },
  date: { _lastUpdated: 'meta.lastUpdated' },
  uri: { _profile: 'meta.profile', _source: 'meta.source' },
};

const NAMES = { name: 'name.family name.given name.text name.prefix name.suffix' };
const PERSON = {
  token: { active: 'active', gender: 'gender' },
  date: { birthdate: 'birthDate' },
  string: { ...NAMES, family: 'name.family', given: 'name.given' },
};
const ADDRESS = {
  address: 'address.text address.line address.city address.district address.state address.postalCode address.country',
  ...{ 'address-city': 'address.city', 'address-state': 'address.state', 'address-postalcode': 'address.postalCode' },
};
const encounter = { encounter: 'encounter' };
const medication = { code: 'medicationCodeableConcept', status: 'status' };

/** Search parameters of FHIR R4, US Core, CARIN Blue Button and PDex; names beside the paths of the elements. */
const DEFINITIONS: Definitions = {
  AllergyIntolerance: {
    token: {
      ...{ 'clinical-status': 'clinicalStatus', 'verification-status': 'verificationStatus', code: 'code' },
      ...{ category: 'category', criticality: 'criticality', type: 'type' },
    },
    date: { date: 'recordedDate', onset: 'onsetDateTime onsetPeriod' },
  },
  CarePlan: { token: { status: 'status', intent: 'intent', category: 'category' }, date: { date: 'period' } },
  CareTeam: { token: { status: 'status', category: 'category' }, date: { date: 'period' } },
  Claim: { token: { status: 'status', use: 'use', priority: 'priority' }, date: { created: 'created' } },
  ClaimResponse: { token: { status: 'status', use: 'use', outcome: 'outcome' }, date: { created: 'created' } },
  Condition: {
    token: {
      ...{ 'clinical-status': 'clinicalStatus', 'verification-status': 'verificationStatus', code: 'code' },
      ...{ category: 'category', severity: 'severity', 'body-site': 'bodySite' },
    },
    date: {
      ...{ 'onset-date': 'onsetDateTime onsetPeriod', 'abatement-date': 'abatementDateTime abatementPeriod' },
      ...{ 'recorded-date': 'recordedDate' },
    },
    reference: encounter,
  },
  Coverage: {
    token: { status: 'status', type: 'type' },
    reference: { beneficiary: 'beneficiary', payor: 'payor', subscriber: 'subscriber' },
  },
  Device: { token: { status: 'status', type: 'type' } },
  DiagnosticReport: {
    token: { status: 'status', category: 'category', code: 'code', conclusion: 'conclusionCode' },
    date: { date: 'effectiveDateTime effectivePeriod', issued: 'issued' },
    reference: { ...encounter, result: 'result' },
  },
  DocumentReference: {
    token: { status: 'status', category: 'category', type: 'type', 'doc-status': 'docStatus' },
    date: { date: 'date', period: 'context.period' },
    reference: { encounter: 'context.encounter' },
  },
  Encounter: {
    token: { status: 'status', class: 'class', type: 'type', 'reason-code': 'reasonCode' },
    date: { date: 'period' },
    reference: { location: 'location.location', 'service-provider': 'serviceProvider' },
  },
  EpisodeOfCare: { token: { status: 'status', type: 'type' }, date: { date: 'period' } },
  ExplanationOfBenefit: {
    token: { status: 'status', type: 'type', use: 'use', outcome: 'outcome' },
    date: {
      ...{ created: 'created', 'billable-period-start': 'billablePeriod.start' },
      'service-date': 'billablePeriod item.servicedDate item.servicedPeriod',
      'service-start-date': 'billablePeriod.start item.servicedDate item.servicedPeriod.start',
    },
    reference: {
      ...{ coverage: 'insurance.coverage', provider: 'provider', claim: 'claim', insurer: 'insurer' },
      ...{ 'care-team': 'careTeam.provider', facility: 'facility' },
    },
  },
  FamilyMemberHistory: { token: { status: 'status', code: 'condition.code' }, date: { date: 'date' } },
  Goal: {
    token: { 'lifecycle-status': 'lifecycleStatus', 'achievement-status': 'achievementStatus', category: 'category' },
    date: { 'start-date': 'startDate', 'target-date': 'target.dueDate' },
  },
  ImagingStudy: { token: { status: 'status', modality: 'series.modality' }, date: { started: 'started' } },
  Immunization: { token: { status: 'status', 'vaccine-code': 'vaccineCode' }, date: { date: 'occurrenceDateTime' } },
  Group: {
    token: { code: 'code', type: 'type', characteristic: 'characteristic.code' },
    reference: { 'characteristic-value-reference': 'characteristic.valueReference', member: 'member.entity' },
  },
  Location: {
    token: { status: 'status', type: 'type' },
    string: { name: 'name alias', ...ADDRESS },
    reference: { organization: 'managingOrganization', partof: 'partOf' },
  },
  Medication: { token: { status: 'status', code: 'code' } },
  MedicationAdministration: { token: medication, date: { 'effective-time': 'effectiveDateTime effectivePeriod' } },
  MedicationDispense: {
    token: { ...medication, type: 'type' },
    date: { whenhandedover: 'whenHandedOver', whenprepared: 'whenPrepared' },
    reference: { medication: 'medicationReference', prescription: 'authorizingPrescription' },
  },
  MedicationRequest: {
    token: { ...medication, intent: 'intent', category: 'category', priority: 'priority' },
    date: { authoredon: 'authoredOn' },
    reference: { ...encounter, medication: 'medicationReference', requester: 'requester' },
  },
  MedicationStatement: {
    token: { ...medication, category: 'category' },
    date: { effective: 'effectiveDateTime effectivePeriod' },
  },
  Observation: {
    token: { status: 'status', category: 'category', code: 'code', 'value-concept': 'valueCodeableConcept' },
    date: { date: 'effectiveDateTime effectivePeriod effectiveInstant' },
    reference: encounter,
  },
  Organization: {
    token: { active: 'active', type: 'type' },
    string: { name: 'name alias', ...ADDRESS },
    reference: { partof: 'partOf' },
  },
  Patient: { ...PERSON, date: { birthdate: 'birthDate', 'death-date': 'deceasedDateTime' } },
  Practitioner: { token: PERSON.token, string: PERSON.string },
  PractitionerRole: {
    token: { active: 'active', role: 'code', specialty: 'specialty' },
    reference: { practitioner: 'practitioner', organization: 'organization', location: 'location' },
  },
  Procedure: {
    token: { status: 'status', category: 'category', code: 'code' },
    date: { date: 'performedDateTime performedPeriod' },
    reference: encounter,
  },
  Provenance: { date: { recorded: 'recorded' }, reference: { target: 'target', agent: 'agent.who' } },
  QuestionnaireResponse: {
    token: { status: 'status' },
    date: { authored: 'authored' },
    uri: { questionnaire: 'questionnaire' },
  },
  RelatedPerson: { ...PERSON, token: { ...PERSON.token, relationship: 'relationship' } },
  ServiceRequest: {
    token: { status: 'status', intent: 'intent', category: 'category', code: 'code', priority: 'priority' },
    date: { authored: 'authoredOn', occurrence: 'occurrenceDateTime occurrencePeriod' },
    reference: encounter,
  },
  Specimen: {
    token: { status: 'status', type: 'type' },
    date: { collected: 'collection.collectedDateTime collection.collectedPeriod' },
  },
};

export function filterParameter(type: string, name: string): FilterParameter | undefined {
  return parametersOf(type).get(name);
}

export function filterParameterNames(type: string): readonly string[] {
  return [...parametersOf(type).keys()].sort();
}

function parametersOf(type: string): ReadonlyMap<string, FilterParameter> {
  const parameters = new Map<string, FilterParameter>();
  for (const group of [EVERYWHERE, DEFINITIONS[type] ?? {}]) {
    for (const [kind, names] of Object.entries(group)) {
      // The keys are those of the record's type.
      for (const [name, paths] of Object.entries(names)) {
        parameters.set(name, { kind: kind as ParameterKind, paths: paths.split(' ') });
      }
    }
  }
  if (identifierCardinality(type) !== 'none') parameters.set('identifier', { kind: 'token', paths: ['identifier'] });
  const subject = type === 'Patient' || type === 'Group' ? undefined : subjectPath(type);
  if (subject !== undefined) {
    parameters.set('patient', { kind: 'reference', paths: [subject] });
    parameters.set('subject', { kind: 'reference', paths: [subject] });
  }
  return parameters;
}
