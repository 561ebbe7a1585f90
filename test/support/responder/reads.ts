import type { Call, Reply } from './answers.ts';
import { failureReply, fhirAnswer, refuse, takeFailure } from './answers.ts';
import { matchedPatients, requireBearer, requireScope } from './bearer.ts';
import { at, isRecord, parseJson, textsAt } from './json.ts';
import { patientOf } from './members.ts';
import type { IssuedToken, Member, State } from './state.ts';

/** `GET [base]/Patient?identifier=system|value`, or the same by `POST [base]/Patient/_search`. */
export function answerPatientSearch(state: State, call: Call): Reply {
  const admitted = admit(state, call, 'Patient');
  if (typeof admitted === 'string' || 'status' in admitted) return admitted;
  const query = call.method === 'POST' ? new URLSearchParams(call.body) : call.url.searchParams;
  for (const name of query.keys()) {
    if (!['identifier', '_count', '_format'].includes(name))
      throw refuse(400, 'not-supported', 'unknown search parameter');
  }
  const asked = query.get('identifier');
  if (!asked) throw refuse(400, 'required', 'identifier is missing');
  const entries = visibleMembers(state, admitted).flatMap((member) => {
    const patient = patientWithUmb(member);
    if (!patient || !hasIdentifier(patient, member, asked)) return [];
    const fullUrl = `${state.baseUrl}/Patient/${member.patientId}`;
    return [{ fullUrl, resource: patient, search: { mode: 'match' } }];
  });
  const url = `${state.baseUrl}/Patient?identifier=${encodeURIComponent(asked)}`;
  return fhirAnswer(200, {
    resourceType: 'Bundle',
    type: 'searchset',
    total: entries.length,
    link: [{ relation: 'self', url }],
    ...(entries.length > 0 ? { entry: entries } : {}),
  });
}

export function answerRead(state: State, call: Call, type: string, id: string): Reply {
  const admitted = admit(state, call, type);
  if (typeof admitted === 'string' || 'status' in admitted) return admitted;
  for (const member of visibleMembers(state, admitted)) {
    if (type === 'Patient' && member.patientId === id) return fhirAnswer(200, patientWithUmb(member));
    const found = (member.lines[type] ?? []).find(
      (line) => line.includes(id) && textsAt(parseJson(line), 'id')[0] === id,
    );
    if (found !== undefined) {
      return { status: 200, headers: { 'content-type': 'application/fhir+json; charset=utf-8' }, body: found };
    }
  }
  throw refuse(404, 'not-found', 'no such resource');
}

function admit(state: State, call: Call, type: string): IssuedToken | Reply {
  const token = requireBearer(state, call);
  const failure = takeFailure(state.behaviour.reads.failures);
  if (failure) return failureReply(failure);
  const refused = state.behaviour.reads.refusedWith;
  if (refused !== null) throw refuse(refused, refused === 404 ? 'not-found' : 'forbidden', 'reads are not offered');
  requireScope(state, token, type);
  return token;
}

function visibleMembers(state: State, token: IssuedToken): Member[] {
  const matched = matchedPatients(state, token);
  return [...state.members.values()].filter((member) => matched.has(member.patientId));
}

/** The Patient as a search shows it: found by its UMB, so it carries it. */
function patientWithUmb(member: Member): Record<string, unknown> | undefined {
  const patient = patientOf(member);
  if (!isRecord(patient)) return undefined;
  return { ...patient, identifier: [...at(patient, 'identifier'), member.umb] };
}

function hasIdentifier(patient: Record<string, unknown>, member: Member, asked: string): boolean {
  const bar = asked.indexOf('|');
  const value = asked.slice(bar + 1);
  const system = bar < 0 ? undefined : asked.slice(0, bar);
  const identifiers = [...at(patient, 'identifier'), { system: member.memberIdSystem, value: member.memberId }];
  return identifiers.some(
    (each) => isRecord(each) && each['value'] === value && (system === undefined || (each['system'] ?? '') === system),
  );
}
