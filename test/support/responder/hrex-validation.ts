import { at, hasCoding, isRecord, textsAt } from './json.ts';
import type { OutcomeIssue } from './failures.ts';
import type { MatchBehaviour } from './match-options.ts';

const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const BIRTHSEX = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex';

const RESOURCE_TYPES: Record<string, string> = {
  MemberPatient: 'Patient',
  CoverageToMatch: 'Coverage',
  CoverageToLink: 'Coverage',
  Consent: 'Consent',
};

export interface MatchInput {
  patient: unknown;
  coverage: unknown;
  coverageToLink: unknown;
  consent: unknown;
  issues: OutcomeIssue[];
}

/** Reads the input of `$member-match`; what must be there in any case is reported in `issues`. */
export function readMatchInput(parameters: unknown): MatchInput {
  const resourceOf = (name: string): unknown =>
    at(parameters, 'parameter').flatMap((each) =>
      isRecord(each) && each['name'] === name ? [each['resource']] : [],
    )[0];
  const input: MatchInput = {
    patient: resourceOf('MemberPatient'),
    coverage: resourceOf('CoverageToMatch'),
    coverageToLink: resourceOf('CoverageToLink'),
    consent: resourceOf('Consent'),
    issues: [],
  };
  if (textsAt(input.patient, 'resourceType')[0] !== 'Patient') input.issues.push(required('MemberPatient'));
  if (textsAt(input.coverage, 'resourceType')[0] !== 'Coverage') input.issues.push(required('CoverageToMatch'));
  return input;
}

/** HRex 1.2.0 profiles hrex-parameters-member-match-in, -patient-demographics, -coverage and -consent. */
export function validateMatchInput(
  parameters: unknown,
  input: MatchInput,
  rules: Pick<MatchBehaviour, 'consentRequired' | 'coverageToLinkRequired' | 'coverageToLinkForbidden' | 'policyUris'>,
): OutcomeIssue[] {
  const issues = [...checkSlices(parameters), ...input.issues];
  if (issues.length > 0) return issues;
  if (rules.consentRequired && !input.consent) issues.push(required('Consent'));
  if (rules.coverageToLinkRequired && !rules.coverageToLinkForbidden && !input.coverageToLink)
    issues.push(required('CoverageToLink'));
  issues.push(...checkPatient(input.patient), ...checkCoverage(input.coverage, 'CoverageToMatch'));
  if (input.coverageToLink) issues.push(...checkCoverage(input.coverageToLink, 'CoverageToLink'));
  if (input.consent) issues.push(...checkConsent(input.consent, rules.policyUris));
  return [...issues, ...checkReferences(input)];
}

function checkSlices(parameters: unknown): OutcomeIssue[] {
  const names = at(parameters, 'parameter').map((each) => textsAt(each, 'name')[0] ?? '');
  return at(parameters, 'parameter').flatMap((each, index) => {
    const name = names[index] ?? '';
    const type = RESOURCE_TYPES[name];
    if (type === undefined) return [invalid(`parameter ${index} has a name the profile does not know`)];
    if (names.indexOf(name) !== index) return [invalid(`${name} is there twice`)];
    if (textsAt(each, 'resource.resourceType')[0] !== type) return [invalid(`${name} is no ${type}`)];
    return [];
  });
}

function checkPatient(patient: unknown): OutcomeIssue[] {
  const issues: OutcomeIssue[] = [];
  const names = at(patient, 'name');
  if (names.length === 0) issues.push(required('MemberPatient.name'));
  for (const name of names) {
    if (textsAt(name, 'family').length !== 1) issues.push(required('MemberPatient.name.family'));
    if (textsAt(name, 'given').length === 0) issues.push(required('MemberPatient.name.given'));
  }
  if (textsAt(patient, 'birthDate').length === 0) issues.push(required('MemberPatient.birthDate'));
  const birthsex = at(patient, 'extension').some((each) => isRecord(each) && each['url'] === BIRTHSEX);
  if (textsAt(patient, 'gender').length === 0 && !birthsex) issues.push(required('MemberPatient.gender (hrex-pat-1)'));
  if (at(patient, 'identifier').some((each) => textsAt(each, 'type.coding.code').includes('UMB'))) {
    issues.push(invalid('MemberPatient.identifier has a UMB'));
  }
  return issues;
}

function checkCoverage(coverage: unknown, name: string): OutcomeIssue[] {
  const issues: OutcomeIssue[] = [];
  for (const element of ['status', 'beneficiary.reference']) {
    if (textsAt(coverage, element).length === 0) issues.push(required(`${name}.${element}`));
  }
  if (at(coverage, 'relationship').length !== 1) issues.push(required(`${name}.relationship`));
  const payors = at(coverage, 'payor');
  if (payors.length !== 1) issues.push(invalid(`${name}.payor is not exactly one`));
  for (const payor of payors) {
    const logical = at(payor, 'identifier').length > 0 && textsAt(payor, 'display').length > 0;
    if (textsAt(payor, 'reference').length === 0 && !logical) issues.push(invalid(`${name}.payor names nobody`));
  }
  if (!memberIdOf(coverage) && textsAt(coverage, 'subscriberId').length === 0) {
    issues.push(required(`${name}.identifier or subscriberId (us-core-15)`));
  }
  return issues;
}

/** The identifier typed v2-0203#MB. */
export function memberIdOf(coverage: unknown): { system: string | undefined; value: string } | undefined {
  const found = at(coverage, 'identifier').find((each) => hasCoding(each, 'type', V2_0203, 'MB'));
  const value = textsAt(found, 'value')[0];
  return value === undefined ? undefined : { system: textsAt(found, 'system')[0], value };
}

function checkConsent(consent: unknown, policyUris: readonly string[]): OutcomeIssue[] {
  const issues: OutcomeIssue[] = [];
  const expect = (held: boolean, message: string): void => {
    if (!held) issues.push(invalid(message));
  };
  const CODES = 'http://terminology.hl7.org/CodeSystem';
  expect(textsAt(consent, 'status')[0] === 'active', 'Consent.status is not active');
  expect(
    hasCoding(consent, 'scope', `${CODES}/consentscope`, 'patient-privacy'),
    'Consent.scope is not patient-privacy',
  );
  expect(hasCoding(consent, 'category', `${CODES}/v3-ActCode`, 'IDSCL'), 'Consent.category has no IDSCL');
  expect(at(consent, 'patient').length === 1, 'Consent.patient is missing');
  expect(at(consent, 'performer').length === 1, 'Consent.performer is not exactly one');
  expect(at(consent, 'sourceReference').length === 1, 'Consent.sourceReference is missing');
  const policies = textsAt(consent, 'policy.uri');
  expect(
    policies.some((uri) => policyUris.includes(uri)),
    'Consent.policy is none that is accepted here',
  );
  expect(textsAt(consent, 'provision.type')[0] === 'permit', 'Consent.provision.type is not permit');
  for (const end of ['start', 'end']) {
    expect(textsAt(consent, `provision.period.${end}`).length === 1, `Consent.provision.period.${end} is missing`);
  }
  expect(actorsOf(consent, 'performer').length > 0, 'Consent names no discloser');
  expect(actorsOf(consent, 'IRCP').length > 0, 'Consent names no recipient');
  const action = hasCoding(consent, 'provision.action', `${CODES}/consentaction`, 'disclose');
  expect(action && at(consent, 'provision.action').length === 1, 'Consent.provision.action is not disclose');
  for (const element of ['securityLabel', 'purpose', 'class', 'code', 'dataPeriod', 'data', 'provision']) {
    expect(at(consent, `provision.${element}`).length === 0, `Consent.provision.${element} is not allowed`);
  }
  return issues;
}

/** Actors of a role: `performer` discloses, `IRCP` receives. */
export function actorsOf(consent: unknown, role: 'performer' | 'IRCP'): unknown[] {
  const system =
    role === 'performer'
      ? 'http://terminology.hl7.org/CodeSystem/provenance-participant-type'
      : 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
  return at(consent, 'provision.actor').filter((actor) => hasCoding(actor, 'role', system, role));
}

/** mm-6: references are local and carry the id of MemberPatient. */
function checkReferences(input: MatchInput): OutcomeIssue[] {
  const expected = `Patient/${textsAt(input.patient, 'id')[0] ?? ''}`;
  const references = [
    ['CoverageToMatch.beneficiary', textsAt(input.coverage, 'beneficiary.reference')],
    ['CoverageToLink.beneficiary', textsAt(input.coverageToLink, 'beneficiary.reference')],
    ['Consent.patient', textsAt(input.consent, 'patient.reference')],
  ] as const;
  return references.flatMap(([name, found]) =>
    found.some((each) => each !== expected) ? [invalid(`${name} does not point at MemberPatient (mm-6)`)] : [],
  );
}

function required(what: string): OutcomeIssue {
  return { severity: 'error', code: 'required', diagnostics: `${what} is missing` };
}

function invalid(diagnostics: string): OutcomeIssue {
  return { severity: 'error', code: 'invalid', diagnostics };
}
