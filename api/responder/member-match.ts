import { createHash } from 'node:crypto';
import { Router } from 'express';
import { decideConsent, isRevocation } from '../../fhir/consent.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { identifiersOf, isFhirId } from '../../fhir/identifiers.ts';
import type { BusinessIdentifier } from '../../fhir/identifiers.ts';
import { decideMatch, demographicsKeys } from '../../fhir/matching.ts';
import type { MatchCandidate, MatchDecision, MatchField } from '../../fhir/matching.ts';
import { matchAnswer, matchAnswerById, memberIdentifier, readMatchRequest } from '../../fhir/member-match.ts';
import type { MatchRequest } from '../../fhir/member-match.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import { hourOf } from '../../store/matches.ts';
import type { MatchStore } from '../../store/matches.ts';
import { postedResources } from '../../fhir/match-module.ts';
import type { MatchModule } from '../../fhir/match-module.ts';
import { assertScope, callerOfRequest } from '../auth.ts';
import type { Caller } from '../auth.ts';
import { bodyText } from '../body.ts';
import { sendResource } from '../outcome.ts';
import { candidatesOf } from './candidates.ts';

export interface MemberMatchDeps {
  readonly fhir: FhirStore;
  readonly matches: MatchStore;
  readonly require: readonly MatchField[] | undefined;
  /** The operator's own decision, in the place of ours. */
  readonly matchModule?: MatchModule | undefined;
  /** Failed matches of one partner with the same demographics in an hour. */
  readonly maxFailures: number;
  /** Our own Organization: its id, or one of its identifier values. */
  readonly ownOrganization: string | undefined;
  readonly now: () => Date;
}

type Partner = Extract<Caller, { kind: 'partner' }>;

const HOUR_MS = 3_600_000;

/** `POST Patient/$member-match` (HRex): one member with a consent that we can honour, or 422 that tells of nobody. */
export function memberMatchRouter(deps: MemberMatchDeps): Router {
  const router = Router();
  router.post('/Patient/$member-match', async (req, res) => {
    const caller = callerOfRequest(res);
    assertScope(caller, 'Patient', 'r');
    const request = readMatchRequest(bodyText(req));
    const { patient, coverages } =
      caller.kind === 'partner' ? await matchForPartner(deps, caller, request) : await findMember(deps, request);
    const isById = caller.kind === 'partner' && caller.matchAnswer === 'valueId';
    const answer = isById ? matchAnswerById(patient) : matchAnswer(patient, memberIdentifier(patient, coverages));
    sendResource(res, 200, answer);
  });
  return router;
}

/** A partner's tries are counted, and its match is kept with the consent; an operator needs neither. */
async function matchForPartner(deps: MemberMatchDeps, caller: Partner, request: MatchRequest): Promise<MatchCandidate> {
  const { matches, maxFailures } = deps;
  const now = deps.now();
  const hashes = hashesOf(request);
  // HRex mm-7: the same person may not be tried with number after number.
  if (!(await matches.countTry(caller.clientId, hashes, maxFailures, now))) {
    throw new ExchangeError('throttled', { retryAfterMs: hourOf(now).getTime() + HOUR_MS - now.getTime() });
  }
  const member = await findMember(deps, request);
  await matches.uncountTry(caller.clientId, hashes, now);
  await keepMatch(deps, caller, request, String(member.patient['id']));
  return member;
}

function hashesOf(request: MatchRequest): readonly string[] {
  const keys = demographicsKeys(request);
  const tried = keys.length === 0 ? [JSON.stringify([request.patient['birthDate']])] : keys;
  return tried.map((key) => createHash('sha256').update(key).digest('hex'));
}

/** @throws ExchangeError `member-not-matched`, `member-ambiguous` */
async function findMember(deps: MemberMatchDeps, request: MatchRequest): Promise<MatchCandidate> {
  const { fhir, require, matchModule } = deps;
  const candidates = await candidatesOf(request, fhir, require);
  const decision =
    matchModule === undefined
      ? decideMatch(request, candidates, require)
      : await decideByModule(matchModule, request, candidates);
  switch (decision.kind) {
    case 'matched':
      return decision.candidate;
    case 'none':
      throw new ExchangeError('member-not-matched');
    case 'ambiguous': {
      const [first, ...others] = decision.candidates;
      // Patients that are linked are one member: each leads to the same compartments.
      const linked = new Set(await fhir.linkedPatients(String(first?.patient['id'])));
      if (first !== undefined && others.every(({ patient }) => linked.has(String(patient['id'])))) return first;
      throw new ExchangeError('member-ambiguous');
    }
  }
}

/**
 * Ids are those of the candidates: a module that names another has failed, and nobody is matched.
 * @throws ExchangeError `member-ambiguous`, `internal`
 */
async function decideByModule(
  match: MatchModule,
  request: MatchRequest,
  candidates: readonly MatchCandidate[],
): Promise<MatchDecision> {
  const offered = candidates.map(({ patient, coverages }) => ({ id: String(patient['id']), patient, coverages }));
  const answer = await match(postedResources(request), structuredClone(offered));
  if (answer === 'ambiguous') throw new ExchangeError('member-ambiguous');
  if (answer === undefined) return { kind: 'none' };
  const candidate = candidates.find(({ patient }) => patient['id'] === answer);
  if (candidate === undefined) throw new ExchangeError('internal', { detail: 'matching.module named no candidate' });
  return { kind: 'matched', candidate };
}

/** @throws ExchangeError `consent-refused` naming the element, never whose consent it was */
async function keepMatch(
  { fhir, matches, ownOrganization, now }: MemberMatchDeps,
  { clientId, organizationId }: Partner,
  request: MatchRequest,
  patientId: string,
): Promise<void> {
  const decision = decideConsent(request.consent, {
    now: now(),
    recipient: await organizationIdentifiers(organizationId, fhir),
    discloser: await organizationIdentifiers(ownOrganization, fhir),
  });
  if (decision.kind === 'refused') {
    if (isRevocation(request.consent)) await matches.withdraw(patientId, clientId);
    throw new ExchangeError('consent-refused', { diagnostics: `${decision.rule} cannot be complied with.` });
  }
  await matches.keep({
    ...{ clientId, patientId, consent: request.consentText, coverageToLink: request.coverageToLinkText },
    ...{ policy: decision.policy, periodStart: decision.start, periodEnd: decision.end },
  });
}

async function organizationIdentifiers(
  idOrValue: string | undefined,
  fhir: FhirStore,
): Promise<readonly BusinessIdentifier[]> {
  if (idOrValue === undefined) return [];
  const byId = isFhirId(idOrValue) ? await fhir.read('Organization', idOrValue) : undefined;
  const [found] = byId === undefined ? await fhir.findByIdentifier('Organization', { value: idOrValue }) : [];
  const stored = byId ?? (found && (await fhir.read('Organization', found.id)));
  const resource: unknown = stored === undefined || stored.deleted ? undefined : JSON.parse(stored.text);
  return isRecord(resource) ? identifiersOf(resource) : [];
}
