import { ExchangeError } from './errors.ts';
import { isRecord, propertyText, readParameters } from './parameters.ts';
import type { ParameterEntry } from './parameters.ts';
import { identifiersOf } from './identifiers.ts';

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

const RESOURCES = {
  MemberPatient: 'Patient',
  CoverageToMatch: 'Coverage',
  CoverageToLink: 'Coverage',
  Consent: 'Consent',
} as const;

const unprocessable = (expression: string, diagnostics: string): ExchangeError =>
  new ExchangeError('request-unprocessable', { expression, diagnostics });

/**
 * Reads the input of `$member-match` (HRex 1.2, hrex-parameters-member-match-in). Lenient where published examples err:
 * absolute beneficiaries, ids of contained resources with a slash, no relationship, no Consent.source.
 * @throws ExchangeError `request-invalid` (no Parameters), `request-unprocessable` naming the element
 */
export function readMatchRequest(text: string): MatchRequest {
  const entries = new Map<string, ParameterEntry>();
  for (const entry of readParameters(text)) {
    if (!Object.hasOwn(RESOURCES, entry.name)) {
      throw unprocessable(`${entry.path}.name`, `Accepted: ${Object.keys(RESOURCES).join(', ')}.`);
    }
    if (entries.has(entry.name)) throw unprocessable(entry.path, `${entry.name} may occur once.`);
    entries.set(entry.name, entry);
  }
  const resourceOf = (name: keyof typeof RESOURCES): Fields => {
    const entry = entries.get(name);
    if (entry === undefined) throw unprocessable('Parameters.parameter', `${name} is required.`);
    const resource = entry.value['resource'];
    if (isRecord(resource) && resource['resourceType'] === RESOURCES[name]) return resource;
    throw unprocessable(`${entry.path}.resource`, `A ${RESOURCES[name]} resource is expected.`);
  };
  const textOf = (name: keyof typeof RESOURCES): string | undefined => {
    const entry = entries.get(name);
    return entry === undefined ? undefined : propertyText(entry.text, 'resource');
  };
  const patient = resourceOf('MemberPatient');
  const coverage = resourceOf('CoverageToMatch');
  const consent = resourceOf('Consent');
  if (entries.has('CoverageToLink')) resourceOf('CoverageToLink');
  checkDemographics(patient);
  checkCoverage(coverage);
  return {
    patient,
    coverage,
    consent,
    consentText: textOf('Consent') ?? '',
    coverageToLinkText: textOf('CoverageToLink'),
  };
}

function checkDemographics(patient: Fields): void {
  const at = "Parameters.parameter.where(name = 'MemberPatient').resource";
  const names = listOf(patient, 'name');
  if (!names.some((name) => typeof name['family'] === 'string')) {
    throw unprocessable(`${at}.name.family`, 'A family name is required (hrex-patient-demographics).');
  }
  if (typeof patient['birthDate'] !== 'string') {
    throw unprocessable(`${at}.birthDate`, 'A birth date is required (hrex-patient-demographics).');
  }
}

function checkCoverage(coverage: Fields): void {
  if (memberNumbers(coverage).length > 0) return;
  throw unprocessable(
    "Parameters.parameter.where(name = 'CoverageToMatch').resource",
    'An identifier or a subscriberId is required (us-core-15).',
  );
}

export function listOf(resource: Fields, element: string): readonly Fields[] {
  const value = resource[element];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Every number under which a coverage may be known: its identifiers and the subscriber's id. */
export function memberNumbers(coverage: Fields): readonly string[] {
  const subscriber = coverage['subscriberId'];
  const values = listOf(coverage, 'identifier').map(({ value }) => value);
  return [...new Set([...values, subscriber].filter((value) => typeof value === 'string' && value !== ''))] as string[];
}

const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const HREX_TEMP = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';

/** The answer (hrex-parameters-member-match-out): the member's unique identifier here, and the Patient. */
export function matchAnswer(
  patient: Fields,
  memberNumber: { readonly system?: string; readonly value: string },
): object {
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

/** The identifier by which we know the member: of type MB or UMB, else the first, else the Patient's id. */
export function memberIdentifier(patient: Fields): { readonly system?: string; readonly value: string } {
  const typed = listOf(patient, 'identifier').find((identifier) => {
    const type = identifier['type'];
    return isRecord(type) && listOf(type, 'coding').some(({ system, code }) => isMemberType(system, code));
  });
  const [first] = identifiersOf(typed === undefined ? patient : { ...patient, identifier: [typed] });
  return first ?? { value: String(patient['id']) };
}

function isMemberType(system: unknown, code: unknown): boolean {
  return (system === V2_0203 || system === HREX_TEMP) && ['MB', 'UMB', 'MR', 'SN'].includes(String(code));
}
