import type { Call, Reply } from './answers.ts';
import { failureReply, fhirAnswer, fhirText, refuse, takeFailure } from './answers.ts';
import { requireBearer, requireScope } from './bearer.ts';
import { at, isRecord, parseJson, textsAt } from './json.ts';
import { checkReadsOffered, patientWithUmb, readRecord, visibleMembers } from './records.ts';
import type { Member, State } from './state.ts';

export const ATTACHMENTS_PATH = '/attachments/';

/** `GET [base]/Patient?identifier=system|value`, or the same by `POST [base]/Patient/_search`. */
export function answerPatientSearch(state: State, call: Call): Reply {
  const token = requireBearer(state, call);
  const failure = takeFailure(state.behaviour.reads.failures);
  if (failure) return failureReply(failure);
  checkReadsOffered(state);
  requireScope(state, token, 'Patient');
  const query = call.method === 'POST' ? new URLSearchParams(call.body) : call.url.searchParams;
  for (const name of query.keys()) {
    if (!['identifier', '_count', '_format'].includes(name))
      throw refuse(400, 'not-supported', 'unknown search parameter');
  }
  const asked = query.get('identifier');
  if (!asked) throw refuse(400, 'required', 'identifier is missing');
  const entries = visibleMembers(state, token).flatMap((member) => {
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

/** A read; of a Binary without `Accept: application/fhir+json` it gives the content itself. */
export function answerRead(state: State, call: Call, type: string, id: string): Reply {
  const token = requireBearer(state, call);
  const failure = takeFailure(state.behaviour.reads.failures);
  if (failure) return failureReply(failure);
  const text = readRecord(state, token, type, id);
  const accept = call.request.headers.accept ?? '';
  if (type !== 'Binary' || /application\/fhir\+json/i.test(accept)) return fhirText(200, text);
  const binary = parseJson(text);
  const contentType = textsAt(binary, 'contentType')[0] ?? 'application/octet-stream';
  return contentAnswer(contentType, textsAt(binary, 'data')[0] ?? '');
}

/** `GET [origin]/attachments/{name}`: a document outside the FHIR base, for the same token. */
export function answerAttachment(state: State, call: Call): Reply {
  const token = requireBearer(state, call);
  const failure = takeFailure(state.behaviour.reads.failures);
  if (failure) return failureReply(failure);
  const name = decodeURIComponent(call.url.pathname.slice(ATTACHMENTS_PATH.length));
  for (const member of visibleMembers(state, token)) {
    const found = member.attachments?.[name];
    if (found) return contentAnswer(found.contentType, found.base64);
  }
  throw refuse(404, 'not-found', 'no such attachment');
}

function contentAnswer(contentType: string, base64: string): Reply {
  return { status: 200, headers: { 'content-type': contentType }, body: Buffer.from(base64, 'base64') };
}

function hasIdentifier(patient: Record<string, unknown>, member: Member, asked: string): boolean {
  const bar = /(?<=^(?:[^\\]|\\.)*?)\|/.exec(asked)?.index ?? -1;
  const value = unescaped(asked.slice(bar + 1));
  const system = bar < 0 ? undefined : unescaped(asked.slice(0, bar));
  const identifiers = [...at(patient, 'identifier'), { system: member.memberIdSystem, value: member.memberId }];
  return identifiers.some(
    (each) => isRecord(each) && each['value'] === value && (system === undefined || (each['system'] ?? '') === system),
  );
}

/** Search values escape comma, bar, dollar and backslash (R4, search, 3.1.1.6.8). */
function unescaped(value: string): string {
  return value.replace(/\\([\\,|$])/g, '$1');
}
