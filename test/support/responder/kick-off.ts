import { randomUUID } from 'node:crypto';
import type { Call, Refusal, Reply } from './answers.ts';
import { failureReply, refuse, takeFailure } from './answers.ts';
import { matchedPatients, mayRead, requireBearer, requireScope } from './bearer.ts';
import type { KickOffBehaviour } from './export-options.ts';
import { groupPatients, mayUseGroup } from './groups.ts';
import { preferences, readKickOffParameters } from './kick-off-parameters.ts';
import type { KickOffLevel, KickOffParameters } from './kick-off-parameters.ts';
import { isUpdatedIn } from './records.ts';
import type { ExportFile, IssuedToken, Job, State } from './state.ts';

export const STATUS_PATH = '/jobs/status';

/** What a kick-off names by its URL; a system level is never offered. */
export type KickOffTarget = { level: 'type' | 'system' } | { level: 'patient' | 'group'; id: string };

/** `[base]/Patient/$export`; `[base]/Patient/{id}/$export` and `[base]/Group/{id}/$export` where switched on. */
export function answerKickOff(state: State, call: Call, target: KickOffTarget): Reply {
  const options = state.behaviour.kickOff;
  if (target.level === 'system' || !isOffered(options, target.level)) throw unsupportedForm(options, 404);
  if (!(call.method === 'GET' ? options.get : options.post)) throw unsupportedForm(options, 405);
  const token = requireBearer(state, call);
  const failure = takeFailure(options.failures);
  if (failure) return failureReply(failure);
  checkHeaders(call);
  const parameters = readKickOffParameters(state, call, target.level);
  const job = createJob(state, call, token, choosePatients(state, token, parameters, target), parameters);
  state.jobs.set(job.id, job);
  if (options.loseAnswers > 0) {
    options.loseAnswers -= 1;
    return 'disconnect';
  }
  return { status: 202, headers: statusLocation(state, job) };
}

export function isOffered(options: KickOffBehaviour, level: KickOffLevel): boolean {
  return { type: options.typeLevel, patient: options.instanceLevel, group: options.groupLevel }[level];
}

function unsupportedForm(options: KickOffBehaviour, usualStatus: number): Refusal {
  return refuse(options.unsupportedStatus ?? usualStatus, 'not-supported', 'this form of $export is not offered');
}

function checkHeaders(call: Call): void {
  if (!preferences(call).includes('respond-async')) throw refuse(400, 'required', 'Prefer: respond-async is missing');
  const accept = call.request.headers.accept;
  if (accept !== undefined && !/json|\*\/\*|application\/\*/i.test(accept)) {
    throw refuse(406, 'not-supported', 'answers are FHIR JSON');
  }
}

function statusLocation(state: State, job: Job): Record<string, string> {
  const path = `${STATUS_PATH}?job=${job.id}`;
  switch (state.behaviour.kickOff.contentLocation) {
    case 'absolute':
      return { 'content-location': `${state.origin}${path}` };
    case 'relative':
      return { 'content-location': path };
    case 'other-origin':
      return { 'content-location': `${state.otherOrigin}${path}` };
    case 'missing':
      return {};
  }
}

function choosePatients(
  state: State,
  token: IssuedToken,
  parameters: KickOffParameters,
  target: KickOffTarget,
): string[] {
  if (target.level === 'group') return chooseOfGroup(state, token, parameters, target.id);
  const allowed = matchedPatients(state, token);
  const asked = target.level === 'patient' ? [target.id] : parameters.patients;
  for (const id of asked ?? []) {
    if (!state.members.has(id)) throw refuse(target.level === 'patient' ? 404 : 400, 'not-found', 'no such patient');
    if (!allowed.has(id)) throw refuse(403, 'forbidden', 'the patient was not matched by this client');
  }
  if (!asked && state.behaviour.kickOff.tokenBound && token.boundTo === null)
    throw refuse(403, 'forbidden', 'the token is bound to no patient');
  if (!asked && allowed.size === 0) throw refuse(403, 'forbidden', 'no patient was matched by this client');
  return asked ? [...new Set(asked)] : [...allowed];
}

/** All of the Group, or what `patient` names of it. */
function chooseOfGroup(state: State, token: IssuedToken, parameters: KickOffParameters, groupId: string): string[] {
  const patients = groupPatients(state, groupId);
  if (!patients) throw refuse(404, 'not-found', 'no such group');
  if (!mayUseGroup(state, token, groupId)) throw refuse(403, 'forbidden', 'no group of this client');
  const asked = parameters.patients;
  if (asked?.some((id) => !patients.includes(id))) throw refuse(400, 'not-found', 'the patient is not in the group');
  return asked ? [...new Set(asked)] : patients;
}

function createJob(
  state: State,
  call: Call,
  token: IssuedToken,
  patientIds: string[],
  parameters: KickOffParameters,
): Job {
  for (const type of parameters.types ?? ['Patient']) requireScope(state, token, type);
  const lines = collectLines(state, patientIds, parameters);
  for (const type of [...lines.keys()]) if (!mayRead(state, token, type)) lines.delete(type);
  return {
    id: randomUUID(),
    clientId: token.clientId,
    request: `${state.origin}${call.url.pathname}${call.url.search}`,
    patientIds,
    transactionTime: new Date().toISOString(),
    files: splitFiles(state, lines),
    notes: parameters.notes,
    requiresAccessToken: state.behaviour.manifest.requiresAccessToken,
    polls: 0,
    manifestsShown: 0,
    linksExpireAt: 0,
    deleted: false,
  };
}

/** What several members share (organizations, practitioners) is exported once. */
function collectLines(state: State, patientIds: string[], parameters: KickOffParameters): Map<string, string[]> {
  const collected = new Map<string, Set<string>>();
  for (const id of patientIds) {
    for (const [type, lines] of Object.entries(state.members.get(id)?.lines ?? {})) {
      if (parameters.types && !parameters.types.includes(type)) continue;
      const ofType = collected.get(type) ?? new Set<string>();
      for (const line of lines) if (isUpdatedIn(line, parameters)) ofType.add(line);
      collected.set(type, ofType);
    }
  }
  return new Map([...collected].filter(([, lines]) => lines.size > 0).map(([type, lines]) => [type, [...lines]]));
}

function splitFiles(state: State, lines: Map<string, string[]>): ExportFile[] {
  const perFile = Math.max(1, state.behaviour.manifest.linesPerFile);
  const files: ExportFile[] = [];
  for (const [type, all] of lines) {
    for (let start = 0; start < all.length; start += perFile) {
      const lastOfType = start + perFile >= all.length;
      files.push(emptyFile(files.length + 1, 'output', type, all.slice(start, start + perFile), lastOfType));
    }
  }
  return files;
}

export function emptyFile(
  number: number,
  kind: ExportFile['kind'],
  type: string,
  lines: string[],
  lastOfType = false,
): ExportFile {
  return { number, kind, type, lines, lastOfType, attempts: 0, served: 0, content: undefined };
}
