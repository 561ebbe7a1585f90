import type { Call, Reply } from './answers.ts';
import { failureReply, fhirText, refuse, takeFailure } from './answers.ts';
import { matchedPatients, requireBearer, requireScope } from './bearer.ts';
import { bundleText, searchEntry } from './bundle-text.ts';
import type { IssuedToken, State } from './state.ts';

/** Patients of the Group that is kept for one member; `undefined` for an id of no such Group. */
export function groupPatients(state: State, groupId: string): string[] | undefined {
  const patientId = groupId.startsWith('group-') ? groupId.slice('group-'.length) : '';
  if (!state.members.has(patientId)) return undefined;
  if (state.behaviour.kickOff.groupMembers === 'one') return [patientId];
  const other = [...state.members.keys()].find((id) => id !== patientId);
  return other === undefined ? [patientId] : [patientId, other];
}

/** The member the Group is kept for was matched; the others are nobody's business. */
export function mayUseGroup(state: State, token: IssuedToken, groupId: string): boolean {
  return [...matchedPatients(state, token)].some((patientId) => groupId === `group-${patientId}`);
}

export function groupText(state: State, token: IssuedToken, groupId: string): string | undefined {
  const patients = groupPatients(state, groupId);
  if (!state.behaviour.kickOff.groups || !patients || !mayUseGroup(state, token, groupId)) return undefined;
  return JSON.stringify({
    resourceType: 'Group',
    id: groupId,
    type: 'person',
    actual: true,
    quantity: patients.length,
    member: patients.map((id) => ({ entity: { reference: `Patient/${id}` } })),
  });
}

/** `GET [base]/Group?member=Patient/{id}` */
export function answerGroupSearch(state: State, call: Call): Reply {
  const token = requireBearer(state, call);
  const failure = takeFailure(state.behaviour.reads.failures);
  if (failure) return failureReply(failure);
  requireScope(state, token, 'Group');
  const query = call.method === 'POST' ? new URLSearchParams(call.body) : call.url.searchParams;
  for (const name of query.keys()) {
    if (!['member', '_count', '_format'].includes(name))
      throw refuse(400, 'not-supported', `${name} is no search parameter of Group here`);
  }
  const asked = query.get('member');
  if (!asked) throw refuse(400, 'required', 'member is missing');
  const entries = [...matchedPatients(state, token)]
    .filter((id) => [id, `Patient/${id}`, `${state.baseUrl}/Patient/${id}`].includes(asked))
    .flatMap((id) => groupText(state, token, `group-${id}`) ?? [])
    .map((text) => searchEntry(state.baseUrl, text, 'match'));
  const links = [{ relation: 'self', url: call.url.href }];
  return fhirText(200, bundleText({ type: 'searchset', total: entries.length, links, entries }));
}
