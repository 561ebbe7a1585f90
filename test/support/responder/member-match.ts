import type { Call, Reply } from './answers.ts';
import { failureReply, fhirAnswer, operationOutcome, readResource, refuse, takeFailure } from './answers.ts';
import { requireBearer } from './bearer.ts';
import { actorsOf, memberIdOf, readMatchInput, validateMatchInput } from './hrex-validation.ts';
import type { MatchInput } from './hrex-validation.ts';
import { textsAt } from './json.ts';
import { matchAnswer } from './match-answer.ts';
import { HREX_POLICIES } from './match-options.ts';
import { comparable } from './members.ts';
import type { ClientRegistration, Member, State } from './state.ts';

/** `POST [base]/Patient/$member-match` (HRex 1.2.0). A match is remembered for the client. */
export function answerMemberMatch(state: State, call: Call): Reply {
  const token = requireBearer(state, call);
  const failure = takeFailure(state.behaviour.match.failures);
  if (failure) return failureReply(failure);
  const parameters = readResource(call, 'Parameters');
  const input = readMatchInput(parameters);
  const issues = state.behaviour.match.lenient
    ? input.issues
    : validateMatchInput(parameters, input, state.behaviour.match);
  if (state.behaviour.match.coverageToLinkForbidden && input.coverageToLink)
    issues.push({ severity: 'error', code: 'not-supported', diagnostics: 'CoverageToLink is not supported' });
  if (issues.length > 0) return fhirAnswer(422, operationOutcome(issues));
  const [member, ...others] = findMembers(state, input);
  if (!member) throw refuse(422, 'not-found', 'no member matches');
  if (others.length > 0) throw refuse(422, 'multiple-matches', 'several members match');
  const obstacle = consentObstacle(state, state.clients.get(token.clientId), input.consent);
  if (obstacle !== undefined) throw refuse(422, 'business-rule', obstacle);
  const matched = state.matches.get(token.clientId) ?? new Set<string>();
  state.matches.set(token.clientId, matched.add(member.patientId));
  return matchAnswer(state, member, parameters);
}

/** Deterministic: the member id (or, without one, the subscriber id), family name and birth date. */
function findMembers(state: State, input: MatchInput): Member[] {
  const memberId = memberIdOf(input.coverage);
  const subscriberIds = textsAt(input.coverage, 'subscriberId');
  const families = textsAt(input.patient, 'name.family').map(comparable);
  const birthDate = textsAt(input.patient, 'birthDate')[0];
  return [...state.members.values()].filter((member) => {
    const card = memberId
      ? memberId.value === member.memberId && sameSystem(memberId.system, member.memberIdSystem)
      : subscriberIds.includes(member.subscriberId ?? member.memberId);
    return card && member.birthDate === birthDate && member.families.some((family) => families.includes(family));
  });
}

function sameSystem(asked: string | undefined, own: string | undefined): boolean {
  return asked === undefined || own === undefined || asked === own;
}

/** Why the consent cannot be honoured; says nothing about the member. */
function consentObstacle(state: State, client: ClientRegistration | undefined, consent: unknown): string | undefined {
  if (state.behaviour.match.refuseConsent) return 'the consent cannot be complied with';
  if (!consent) return undefined;
  const today = new Date().toISOString().slice(0, 10);
  const start = textsAt(consent, 'provision.period.start')[0];
  const end = textsAt(consent, 'provision.period.end')[0];
  if ((start && start.slice(0, 10) > today) || (end && end.slice(0, 10) < today)) return 'the consent is not in force';
  if (textsAt(consent, 'policy.uri').includes(HREX_POLICIES.regular) && !state.behaviour.match.segmentsSensitive) {
    return 'sensitive data cannot be held back';
  }
  if (client?.organization && !names(actorsOf(consent, 'IRCP'), client.organization)) {
    return 'the consent does not name the requesting payer';
  }
  if (state.payer && !names(actorsOf(consent, 'performer'), state.payer)) return 'the consent does not name this payer';
  return undefined;
}

function names(actors: unknown[], organization: { system: string; value: string }): boolean {
  return actors.some(
    (actor) =>
      textsAt(actor, 'reference.identifier.value').includes(organization.value) &&
      textsAt(actor, 'reference.identifier.system').includes(organization.system),
  );
}
