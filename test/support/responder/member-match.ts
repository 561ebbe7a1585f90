import type { Answer, Call, Reply } from './answers.ts';
import { failureReply, fhirAnswer, operationOutcome, refuse, takeFailure } from './answers.ts';
import { requireBearer } from './bearer.ts';
import { actorsOf, memberIdOf, POLICIES, readMatchInput, validateMatchInput } from './hrex-validation.ts';
import type { MatchInput } from './hrex-validation.ts';
import { isRecord, parseJson, textsAt } from './json.ts';
import { comparable } from './members.ts';
import type { ClientRegistration, Member, State } from './state.ts';

const HREX_TEMP = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';
const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';

/** `POST [base]/Patient/$member-match` (HRex 1.2.0). A match is remembered for the client. */
export function answerMemberMatch(state: State, call: Call): Reply {
  const token = requireBearer(state, call);
  const failure = takeFailure(state.behaviour.match.failures);
  if (failure) return failureReply(failure);
  const parameters = readParameters(call);
  const input = readMatchInput(parameters);
  const issues = state.behaviour.match.lenient
    ? input.issues
    : validateMatchInput(parameters, input, state.behaviour.match);
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

/** @throws Refusal 415 or 400 for a body that is no Parameters resource */
export function readParameters(call: Call): Record<string, unknown> {
  const type = call.request.headers['content-type'] ?? '';
  if (!/^application\/(fhir\+)?json\b/i.test(type)) throw refuse(415, 'not-supported', 'the body is not FHIR JSON');
  const parameters = parseJson(call.body);
  if (!isRecord(parameters) || parameters['resourceType'] !== 'Parameters') {
    throw refuse(400, 'invalid', 'the body is no Parameters resource');
  }
  return parameters;
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
  if (textsAt(consent, 'policy.uri').includes(POLICIES.regular) && !state.behaviour.match.segmentsSensitive) {
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

function matchAnswer(state: State, member: Member, parameters: Record<string, unknown>): Answer {
  const { shape, identifierType, memberId } = state.behaviour.match;
  if (shape === 'valueId') {
    return fhirAnswer(200, parametersOf([{ name: 'MemberIdentifier', valueId: `Patient/${member.patientId}` }]));
  }
  const [system, code] = identifierType.split('#');
  const identifier = {
    type: { coding: [{ system: system === 'hrex-temp' ? HREX_TEMP : V2_0203, code }] },
    ...member.umb,
    assigner: { display: state.payer?.name ?? 'Responding Payer' },
  };
  const echoed = shape === 'echo' && Array.isArray(parameters['parameter']) ? parameters['parameter'] : [];
  const prefix = memberId === 'absolute' ? `${state.baseUrl}/` : '';
  const reference = { name: 'MemberId', valueReference: { reference: `${prefix}Patient/${member.patientId}` } };
  return fhirAnswer(
    200,
    parametersOf([
      ...echoed,
      { name: 'MemberIdentifier', valueIdentifier: identifier },
      ...(memberId === 'none' ? [] : [reference]),
    ]),
  );
}

function parametersOf(parameter: unknown[]): unknown {
  return { resourceType: 'Parameters', parameter };
}
