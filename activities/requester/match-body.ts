import {
  activeCoverage,
  adaptMatch,
  coverageToLink,
  hasCoverageToLink,
  logicalPayor,
  memberPatientId,
} from '../../fhir/match-request.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { RequesterDeps } from './deps.ts';

/** What was posted, but for what the payer's definition says that this payer wants otherwise; then with a warning. */
export async function matchBody(
  deps: RequesterDeps,
  exchange: ExchangeRecord,
  { coverageToLink: link, consentPolicies }: OidcServer,
): Promise<string> {
  const { matchParameters } = exchange.request;
  if (matchParameters === undefined) throw new ExchangeError('internal', { detail: 'No match parameters are kept.' });
  const isPosted = hasCoverageToLink(matchParameters);
  const added = link === 'always' && !isPosted ? await ownCoverage(deps, exchange, matchParameters) : undefined;
  const adapted = adaptMatch(matchParameters, {
    ...(added !== undefined && { addCoverageToLink: added }),
    ...(link === 'never' && { dropCoverageToLink: true }),
    ...(consentPolicies !== undefined && { policies: consentPolicies }),
  });
  const unchanged = adaptMatch(matchParameters, {});
  if (adapted === unchanged) return matchParameters;
  await deps.exchanges.addWarning(exchange.id, {
    code: 'match-adapted',
    text: 'The match was sent as the definition of the responding payer asks: CoverageToLink or Consent.policy differ from what was posted.',
  });
  return adapted;
}

/** The local patient's coverage with us, where the store holds one that is active. */
async function ownCoverage(
  { fhir, exchanges, settings }: RequesterDeps,
  { id, localPatientId }: ExchangeRecord,
  parameters: string,
): Promise<string | undefined> {
  const coverages: string[] = [];
  const query = { patientIds: [localPatientId], types: ['Coverage'], origin: 'native' } as const;
  for await (const { text } of fhir.memberCompartment(query)) coverages.push(text);
  const coverage = activeCoverage(coverages, new Date().toISOString());
  const patientId = memberPatientId(parameters);
  if (coverage === undefined || patientId === undefined) {
    await exchanges.addWarning(id, {
      code: 'coverage-to-link-missing',
      text: 'The responding payer wants CoverageToLink; none was posted, and the local patient has no active coverage.',
    });
    return undefined;
  }
  const own = settings.ownOrganizationId;
  const organization = own === undefined ? undefined : await fhir.read('Organization', own);
  return coverageToLink(coverage, {
    patientId,
    payor: organization === undefined ? undefined : logicalPayor(organization.text),
  });
}
