import { randomUUID } from 'node:crypto';
import type { Call, Reply } from './answers.ts';
import { failureReply, refuse, takeFailure } from './answers.ts';
import { matchedPatients, mayRead, requireBearer, requireScope } from './bearer.ts';
import { parseJson, textsAt } from './json.ts';
import { preferences, readKickOffParameters } from './kick-off-parameters.ts';
import type { KickOffParameters } from './kick-off-parameters.ts';
import type { ExportFile, IssuedToken, Job, State } from './state.ts';

export const STATUS_PATH = '/jobs/status';

/** `[base]/Patient/$export`, and `[base]/Patient/{id}/$export` where switched on. */
export function answerKickOff(state: State, call: Call, instanceId?: string): Reply {
  const options = state.behaviour.kickOff;
  if (instanceId === undefined ? !options.typeLevel : !options.instanceLevel) {
    throw refuse(404, 'not-supported', 'no such operation');
  }
  if (call.method === 'GET' && !options.get) throw refuse(405, 'not-supported', 'only POST');
  const token = requireBearer(state, call);
  const failure = takeFailure(options.failures);
  if (failure) return failureReply(failure);
  checkHeaders(call);
  const parameters = readKickOffParameters(state, call);
  const job = createJob(state, call, token, choosePatients(state, token, parameters, instanceId), parameters);
  state.jobs.set(job.id, job);
  if (options.loseAnswers > 0) {
    options.loseAnswers -= 1;
    return 'disconnect';
  }
  return { status: 202, headers: statusLocation(state, job) };
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
  instanceId: string | undefined,
): string[] {
  const allowed = matchedPatients(state, token);
  const asked = instanceId === undefined ? parameters.patients : [instanceId];
  for (const id of asked ?? []) {
    if (!state.members.has(id)) throw refuse(instanceId === undefined ? 400 : 404, 'not-found', 'no such patient');
    if (!allowed.has(id)) throw refuse(403, 'forbidden', 'the patient was not matched by this client');
  }
  if (!asked && allowed.size === 0) throw refuse(403, 'forbidden', 'no patient was matched by this client');
  return asked ? [...new Set(asked)] : [...allowed];
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
      for (const line of lines) if (isInWindow(line, parameters)) ofType.add(line);
      collected.set(type, ofType);
    }
  }
  return new Map([...collected].filter(([, lines]) => lines.size > 0).map(([type, lines]) => [type, [...lines]]));
}

/** `_since` and `_until` are about meta.lastUpdated; a resource without one is always in. */
function isInWindow(line: string, { since, until }: KickOffParameters): boolean {
  if (since === undefined && until === undefined) return true;
  const updated = Date.parse(textsAt(parseJson(line), 'meta.lastUpdated')[0] ?? '');
  return Number.isNaN(updated) || (updated >= (since ?? -Infinity) && updated <= (until ?? Infinity));
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
