import { ExchangeError } from './errors.ts';
import { isRecord } from './parameters.ts';

type Fields = Readonly<Record<string, unknown>>;

const BIRTHSEX = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex';

/** @throws ExchangeError `parameters-invalid` pointing at the element */
function expect(held: boolean, expression: string, diagnostics: string): void {
  if (!held) throw new ExchangeError('parameters-invalid', { expression, diagnostics });
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
const listAt = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const hasCode = (concept: unknown, code: string): boolean =>
  isRecord(concept) && listAt(concept['coding']).some((coding) => isRecord(coding) && coding['code'] === code);

/** hrex-patient-demographics. */
export function assertDemographics(patient: Fields, at: string): void {
  const names = listAt(patient['name']).filter(isRecord);
  expect(names.length > 0, `${at}.name`, 'A name is required.');
  expect(
    names.some(({ family }) => isText(family)),
    `${at}.name.family`,
    'A family name is required.',
  );
  expect(
    names.some(({ family, given }) => isText(family) && listAt(given).some(isText)),
    `${at}.name.given`,
    'A given name is required beside the family name.',
  );
  const isDate = isText(patient['birthDate']) && /^\d{4}(-\d{2}(-\d{2})?)?$/.test(patient['birthDate']);
  expect(isDate, `${at}.birthDate`, 'A birth date is required.');
  const birthsex = listAt(patient['extension']).some((each) => isRecord(each) && each['url'] === BIRTHSEX);
  expect(isText(patient['gender']) || birthsex, `${at}.gender`, 'gender or us-core-birthsex is required (hrex-pat-1).');
}

/** hrex-coverage, without what published examples leave out. */
export function assertCoverage(coverage: Fields, at: string): void {
  expect(isText(coverage['status']), `${at}.status`, 'A status is required.');
  expect(isRecord(coverage['beneficiary']), `${at}.beneficiary`, 'A beneficiary is required.');
  const payors = listAt(coverage['payor']);
  expect(payors.length === 1 && payors.every(isRecord), `${at}.payor`, 'Exactly one payor is required.');
}

/** hrex-consent as far as its structure goes; whether it can be complied with is `decideConsent`'s. */
export function assertConsent(consent: Fields, at: string): void {
  const required = (held: boolean, element: string, what: string): void =>
    expect(held, `${at}.${element}`, `${what} is required.`);
  required(isText(consent['status']), 'status', 'A status');
  required(hasCode(consent['scope'], 'patient-privacy'), 'scope', 'The scope patient-privacy');
  const categories = listAt(consent['category']);
  required(
    categories.some((each) => hasCode(each, 'IDSCL')),
    'category',
    'The category IDSCL',
  );
  required(isRecord(consent['patient']), 'patient', 'A patient');
  required(listAt(consent['performer']).some(isRecord), 'performer', 'A performer');
  const policies = listAt(consent['policy']).filter(isRecord);
  required(
    policies.some(({ uri }) => isText(uri)),
    'policy.uri',
    'The URI of a policy',
  );
  const provision = isRecord(consent['provision']) ? consent['provision'] : undefined;
  required(provision !== undefined, 'provision', 'A provision');
  required(isText(provision?.['type']), 'provision.type', 'The type permit');
  const period = isRecord(provision?.['period']) ? provision['period'] : {};
  required(isText(period['start']), 'provision.period.start', 'The start of the period');
  required(listAt(provision?.['actor']).some(isRecord), 'provision.actor', 'An actor of each role');
  required(listAt(provision?.['action']).some(isRecord), 'provision.action', 'The action disclose');
}
