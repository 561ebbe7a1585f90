import { createHash } from 'node:crypto';
import { Router } from 'express';
import { decideConsent } from '../../fhir/consent.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { identifiersOf } from '../../fhir/identifiers.ts';
import { decideMatch, demographicsKey } from '../../fhir/matching.ts';
import type { MatchCandidate, MatchField } from '../../fhir/matching.ts';
import { listOf, matchAnswer, memberIdentifier, memberNumbers, readMatchRequest } from '../../fhir/member-match.ts';
import type { Fields, MatchRequest } from '../../fhir/member-match.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import { hourOf } from '../../store/matches.ts';
import type { MatchStore } from '../../store/matches.ts';
import { assertScope, callerOfRequest } from '../auth.ts';
import type { Caller } from '../auth.ts';
import { bodyText } from '../body.ts';
import { sendResource } from '../outcome.ts';

export interface MemberMatchDeps {
  readonly fhir: FhirStore;
  readonly matches: MatchStore;
  readonly require: readonly MatchField[] | undefined;
  /** Failed matches of one partner with the same demographics in an hour. */
  readonly maxFailures: number;
  readonly now: () => Date;
}

const HOUR_MS = 3_600_000;

/** `POST Patient/$member-match` (HRex): one member with a consent that we can honour, or 422 that tells of nobody. */
export function memberMatchRouter(deps: MemberMatchDeps): Router {
  const router = Router();
  router.post('/Patient/$member-match', async (req, res) => {
    const caller = callerOfRequest(res);
    assertScope(caller, 'Patient', 'r');
    const request = readMatchRequest(bodyText(req));
    const hash = createHash('sha256').update(demographicsKey(request)).digest('hex');
    await assertFewFailures(deps, caller, hash);
    const decision = decideMatch(request, await candidatesOf(request, deps.fhir), deps.require);
    if (decision.kind !== 'matched') {
      await deps.matches.countFailure(caller.clientId, hash, deps.now());
      throw new ExchangeError(decision.kind === 'none' ? 'member-not-matched' : 'member-ambiguous');
    }
    const { patient } = decision.candidate;
    await keepMatch(deps, caller, request, String(patient['id']));
    sendResource(res, 200, matchAnswer(patient, memberIdentifier(patient)));
  });
  return router;
}

/** HRex mm-7: the same person may not be tried with number after number. Counted in the database, for all processes. */
async function assertFewFailures(
  { matches, maxFailures, now }: MemberMatchDeps,
  caller: Caller,
  hash: string,
): Promise<void> {
  const instant = now();
  if ((await matches.failures(caller.clientId, hash, instant)) < maxFailures) return;
  const retryAfterMs = hourOf(instant).getTime() + HOUR_MS - instant.getTime();
  throw new ExchangeError('throttled', { retryAfterMs });
}

async function keepMatch(
  { fhir, matches, now }: MemberMatchDeps,
  caller: Caller,
  request: MatchRequest,
  patientId: string,
): Promise<void> {
  const recipient = caller.kind === 'partner' ? await organizationIdentifiers(caller.organizationId, fhir) : [];
  const consent = decideConsent(request.consent, { now: now(), recipient });
  if (consent.kind === 'refused') {
    throw new ExchangeError('consent-refused', { diagnostics: `${consent.rule} cannot be complied with.` });
  }
  await matches.keep({
    ...{ clientId: caller.clientId, patientId, consent: request.consentText },
    ...{ coverageToLink: request.coverageToLinkText, policy: consent.policy },
    ...{ periodStart: consent.start, periodEnd: consent.end },
  });
}

/** The native members that share a number with the request, found by the identifier index. */
async function candidatesOf(request: MatchRequest, fhir: FhirStore): Promise<readonly MatchCandidate[]> {
  const numbers = [...memberNumbers(request.coverage), ...identifiersOf(request.patient).map(({ value }) => value)];
  const ids = new Set<string>();
  for (const value of new Set(numbers)) {
    for (const { id } of await fhir.findByIdentifier('Patient', { value })) ids.add(id);
    for (const { id } of await fhir.findByIdentifier('Coverage', { value })) {
      const owner = (await fhir.read('Coverage', id))?.patientId;
      if (owner !== undefined) ids.add(owner);
    }
  }
  const candidates = await Promise.all([...ids].map((id) => candidateOf(id, fhir)));
  return candidates.filter((candidate) => candidate !== undefined);
}

async function candidateOf(id: string, fhir: FhirStore): Promise<MatchCandidate | undefined> {
  const stored = await fhir.read('Patient', id);
  // What another payer sent us of a member is no member of ours.
  if (stored === undefined || stored.deleted || stored.origin !== 'native') return undefined;
  const coverages: Fields[] = [];
  for await (const coverage of fhir.memberCompartment({ patientIds: [id], types: ['Coverage'], origin: 'native' })) {
    const parsed: unknown = JSON.parse(coverage.text);
    if (isRecord(parsed)) coverages.push(parsed);
  }
  const patient: unknown = JSON.parse(stored.text);
  return isRecord(patient) && patient['active'] !== false ? { patient, coverages } : undefined;
}

async function organizationIdentifiers(
  idOrValue: string | undefined,
  fhir: FhirStore,
): Promise<readonly { readonly system: string; readonly value: string }[]> {
  if (idOrValue === undefined) return [];
  const isId = /^[A-Za-z0-9\-.]{1,64}$/.test(idOrValue);
  const byId = isId ? await fhir.read('Organization', idOrValue) : undefined;
  const [found] = byId === undefined ? await fhir.findByIdentifier('Organization', { value: idOrValue }) : [];
  const stored = byId ?? (found && (await fhir.read('Organization', found.id)));
  const resource: unknown = stored === undefined || stored.deleted ? undefined : JSON.parse(stored.text);
  if (!isRecord(resource)) return [];
  return listOf(resource, 'identifier').flatMap(({ system, value }) =>
    typeof system === 'string' && typeof value === 'string' ? [{ system, value }] : [],
  );
}
