import { ExchangeError } from './errors.ts';
import { assertConsent, assertCoverage, assertDemographics } from './match-profile.ts';
import { isRecord, propertyText, readParameters } from './parameters.ts';
import type { ParameterEntry } from './parameters.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** What was posted to `$member-match`, as far as matching and consent need it. */
export interface MatchRequest {
  readonly patient: Fields;
  readonly coverage: Fields;
  readonly consent: Fields;
  /** As posted, to be kept with the match. */
  readonly consentText: string;
  readonly coverageToLinkText: string | undefined;
}

export interface MemberNumber {
  readonly system?: string;
  readonly value: string;
}

const RESOURCES = {
  MemberPatient: 'Patient',
  CoverageToMatch: 'Coverage',
  CoverageToLink: 'Coverage',
  Consent: 'Consent',
} as const;
type Name = keyof typeof RESOURCES;

/** As the ballots of HRex, and servers of that time, called them. */
const FORMER_NAMES: Readonly<Record<string, Name | undefined>> = {
  OldCoverage: 'CoverageToMatch',
  NewCoverage: 'CoverageToLink',
};

const invalid = (expression: string, diagnostics: string): ExchangeError =>
  new ExchangeError('parameters-invalid', { expression, diagnostics });

/**
 * Reads the input of `$member-match` (HRex 1.2, hrex-parameters-member-match-in; the Consent is required, as PDex has it).
 * Lenient where published examples err, and to the parameter names of the ballots: absolute or foreign beneficiaries, ids of contained resources with a slash, no
 * relationship, no CoverageToLink, no Consent.source, no end of its period, the short URI of its policy.
 * @throws ExchangeError `request-invalid` (no Parameters), `parameters-invalid` pointing at the element
 */
export function readMatchRequest(text: string): MatchRequest {
  const entries = entriesByName(text);
  const patient = resourceOf(entries, 'MemberPatient');
  const coverage = resourceOf(entries, 'CoverageToMatch');
  const link = entries.has('CoverageToLink') ? resourceOf(entries, 'CoverageToLink') : undefined;
  const consent = resourceOf(entries, 'Consent');
  assertDemographics(patient.resource, patient.path);
  assertCoverage(coverage.resource, coverage.path);
  if (memberNumbers(coverage.resource).length === 0 && memberNumbersOfPatient(patient.resource).length === 0) {
    throw invalid(
      `${coverage.path}.identifier`,
      'An identifier of type MB or a subscriberId is required (us-core-15).',
    );
  }
  if (link !== undefined) assertCoverage(link.resource, link.path);
  assertConsent(consent.resource, consent.path);
  return {
    patient: patient.resource,
    coverage: coverage.resource,
    consent: consent.resource,
    consentText: consent.text,
    coverageToLinkText: link?.text,
  };
}

function entriesByName(text: string): ReadonlyMap<string, ParameterEntry> {
  const entries = new Map<string, ParameterEntry>();
  for (const entry of readParameters(text)) {
    const name = FORMER_NAMES[entry.name] ?? entry.name;
    if (!Object.hasOwn(RESOURCES, name)) {
      throw invalid(`${entry.path}.name`, `Accepted: ${Object.keys(RESOURCES).join(', ')}.`);
    }
    if (entries.has(name)) throw invalid(entry.path, `${name} may occur once.`);
    entries.set(name, entry);
  }
  return entries;
}

interface PostedResource {
  readonly resource: Fields;
  readonly text: string;
  /** FHIRPath. */
  readonly path: string;
}

function resourceOf(entries: ReadonlyMap<string, ParameterEntry>, name: Name): PostedResource {
  const entry = entries.get(name);
  if (entry === undefined) throw invalid('Parameters.parameter', `${name} is required.`);
  const path = `${entry.path}.resource`;
  const resource = entry.value['resource'];
  if (!isRecord(resource) || resource['resourceType'] !== RESOURCES[name]) {
    throw invalid(path, `A ${RESOURCES[name]} resource is expected.`);
  }
  return { resource, text: propertyText(entry.text, 'resource'), path };
}

export function listOf(resource: Fields, element: string): readonly Fields[] {
  const value = resource[element];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function codesOf(concept: unknown): readonly Fields[] {
  return isRecord(concept) ? listOf(concept, 'coding') : [];
}

/** Every number under which a coverage may be known: its identifiers and the subscriber's id. */
export function memberNumbers(coverage: Fields): readonly string[] {
  const values = [...listOf(coverage, 'identifier').map(({ value }) => value), coverage['subscriberId']];
  return [...new Set(values.filter((value) => typeof value === 'string' && value !== ''))] as string[];
}

/** Member numbers in `Patient.identifier`: there, of all the identifiers that a person has, by their type alone. */
export function memberNumbersOfPatient(patient: Fields): readonly MemberNumber[] {
  return listOf(patient, 'identifier')
    .filter((identifier) => isOfType(identifier, MEMBER_TYPES))
    .flatMap(numberOf);
}

const HREX_TEMP = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';
const MEMBER_TYPES = ['UMB', 'MB', 'MC'];

/** By code alone: published examples and guides name several systems for the same codes. */
export function isOfType(identifier: Fields, types: readonly string[]): boolean {
  return codesOf(identifier['type']).some(({ code }) => types.includes(String(code)));
}

export function numberOf({ system, value }: Fields): MemberNumber[] {
  if (typeof value !== 'string' || value === '') return [];
  return [typeof system === 'string' ? { system, value } : { value }];
}

/** The answer in the form that the vendor publishes, for partners who read no other: the Patient's id as `valueId`. */
export function matchAnswerById(patient: Fields): object {
  return {
    resourceType: 'Parameters',
    parameter: [{ name: 'MemberIdentifier', valueId: `Patient/${String(patient['id'])}` }],
  };
}

/** The answer (hrex-parameters-member-match-out): the member's unique identifier here, and the Patient. */
export function matchAnswer(patient: Fields, memberNumber: MemberNumber): object {
  return {
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'MemberIdentifier',
        valueIdentifier: {
          type: { coding: [{ system: HREX_TEMP, code: 'UMB', display: 'Unique Member Identifier' }] },
          ...(memberNumber.system !== undefined && { system: memberNumber.system }),
          value: memberNumber.value,
        },
      },
      { name: 'MemberId', valueReference: { reference: `Patient/${String(patient['id'])}` } },
    ],
  };
}

/**
 * The number by which we know the member: one typed UMB or MB on the Patient, else on a coverage, else one that is neither
 * of a kind of its own (a social security number is no member number) nor without system, else the Patient's id.
 */
export function memberIdentifier(patient: Fields, coverages: readonly Fields[] = []): MemberNumber {
  const own = listOf(patient, 'identifier');
  const onCoverages = coverages.flatMap((coverage) => listOf(coverage, 'identifier'));
  const ranked = [
    ...own.filter((identifier) => isOfType(identifier, ['UMB'])),
    ...own.filter((identifier) => isOfType(identifier, ['MB', 'MC'])),
    ...onCoverages.filter((identifier) => isOfType(identifier, ['MB'])),
    ...own.filter((identifier) => codesOf(identifier['type']).length === 0 && typeof identifier['system'] === 'string'),
  ];
  const [first] = ranked.flatMap(numberOf);
  return first ?? { value: String(patient['id']) };
}
