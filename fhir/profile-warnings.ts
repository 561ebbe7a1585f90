import type { InvokeExportRequest } from './invoke-export.ts';
import { isRecord } from './parameters.ts';

export interface ProfileWarning {
  readonly code: string;
  readonly text: string;
  readonly expression: string;
}

type Fields = Readonly<Record<string, unknown>>;

const POLICIES = ['regular', 'sensitive'].map(
  (word) => `http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#${word}`,
);

/**
 * What the HRex profiles ask beyond the structure that is checked: told on the Task, neither refused nor changed, for what
 * is sent to the responding payer is what was posted. `now` is the time of the request.
 */
export function profileWarnings(
  { matchParameters, consent }: InvokeExportRequest,
  now: Date,
): readonly ProfileWarning[] {
  if (matchParameters === undefined) return [];
  const parsed: unknown = JSON.parse(matchParameters);
  const entries = isRecord(parsed) && Array.isArray(parsed['parameter']) ? parsed['parameter'].filter(isRecord) : [];
  const resourceOf = (name: string): Fields | undefined => {
    const found = entries.find((entry) => entry['name'] === name)?.['resource'];
    return isRecord(found) ? found : undefined;
  };
  return [
    ...patientWarnings(resourceOf('MemberPatient') ?? {}),
    ...coverageWarnings(resourceOf('CoverageToMatch') ?? {}, 'CoverageToMatch'),
    ...(resourceOf('CoverageToLink') === undefined
      ? [missing('CoverageToLink', 'CoverageToLink (a payer SHALL send it)')]
      : []),
    ...consentWarnings(consent ?? {}, now),
  ];
}

function missing(expression: string, what: string): ProfileWarning {
  return { code: 'profile', text: `HRex asks for ${what}.`, expression };
}

const isEmpty = (value: unknown): boolean => value === undefined || (Array.isArray(value) && value.length === 0);

function patientWarnings(patient: Fields): ProfileWarning[] {
  const names = (Array.isArray(patient['name']) ? patient['name'] : []).filter(isRecord);
  const warnings: ProfileWarning[] = [];
  if (!names.some((name) => !isEmpty(name['family']) && !isEmpty(name['given']))) {
    warnings.push(missing('MemberPatient.name', 'a name with family and given'));
  }
  if (isEmpty(patient['birthDate'])) warnings.push(missing('MemberPatient.birthDate', 'birthDate'));
  if (isEmpty(patient['gender'])) warnings.push(missing('MemberPatient.gender', 'gender'));
  return warnings;
}

function coverageWarnings(coverage: Fields, at: string): ProfileWarning[] {
  const warnings = ['status', 'beneficiary', 'relationship', 'payor']
    .filter((element) => isEmpty(coverage[element]))
    .map((element) => missing(`${at}.${element}`, `${at}.${element}`));
  const identifiers = (Array.isArray(coverage['identifier']) ? coverage['identifier'] : []).filter(isRecord);
  const isMemberId = (identifier: Fields): boolean => JSON.stringify(identifier['type'] ?? {}).includes('"MB"');
  if (!identifiers.some(isMemberId) && isEmpty(coverage['subscriberId'])) {
    warnings.push(missing(`${at}.identifier`, 'an identifier of type MB or a subscriberId'));
  }
  return warnings;
}

function consentWarnings(consent: Fields, now: Date): ProfileWarning[] {
  const provision = isRecord(consent['provision']) ? consent['provision'] : {};
  const period = isRecord(provision['period']) ? provision['period'] : {};
  const warnings = ['status', 'scope', 'category', 'patient', 'performer', 'policy', 'provision']
    .filter((element) => isEmpty(consent[element]))
    .map((element) => missing(`Consent.${element}`, `Consent.${element}`));
  if (isEmpty(consent['sourceReference'])) warnings.push(missing('Consent.source', 'Consent.sourceReference'));
  const uris = (Array.isArray(consent['policy']) ? consent['policy'] : []).filter(isRecord).map(({ uri }) => uri);
  if (uris.length > 0 && !uris.some((uri) => typeof uri === 'string' && POLICIES.includes(uri))) {
    warnings.push(missing('Consent.policy.uri', `one of the policies ${POLICIES.join(' and ')}`));
  }
  for (const element of ['start', 'end']) {
    if (isEmpty(period[element])) warnings.push(missing(`Consent.provision.period.${element}`, `period.${element}`));
  }
  const { end } = period;
  if (typeof end === 'string' && endOf(end) < now.getTime()) {
    const text = 'The consent had already ended when it was posted.';
    warnings.push({ code: 'consent-ended', text, expression: 'Consent.provision.period.end' });
  }
  return warnings;
}

/** The last instant that a date of any precision includes (FHIR: a date as an upper bound includes its whole day). */
function endOf(date: string): number {
  const padded = /^\d{4}$/.test(date) ? `${date}-12-31` : /^\d{4}-\d{2}$/.test(date) ? `${date}-31` : date;
  const instant = Date.parse(padded.length === 10 ? `${padded}T23:59:59.999Z` : padded);
  return Number.isNaN(instant) ? Number.POSITIVE_INFINITY : instant;
}
