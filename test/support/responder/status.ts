import { createHmac } from 'node:crypto';
import type { Call, Reply } from './answers.ts';
import {
  failureAt,
  failureCount,
  failureReply,
  fhirAnswer,
  jsonAnswer,
  operationOutcome,
  refuse,
  retryAfterHeader,
  takeFailure,
} from './answers.ts';
import { requireBearer } from './bearer.ts';
import { emptyFile } from './kick-off.ts';
import type { ExportFile, Job, State } from './state.ts';

export const FILES_PATH = '/files/';

/** GET polls, DELETE cancels or releases the job of a status URL. */
export function answerStatus(state: State, call: Call): Reply {
  const token = requireBearer(state, call);
  const job = state.jobs.get(call.url.searchParams.get('job') ?? '');
  if (!job || job.deleted) throw refuse(404, 'not-found', 'no such job');
  if (job.clientId !== token.clientId) throw refuse(403, 'forbidden', 'the job of another client');
  if (call.method === 'DELETE') return release(state, job);
  if (call.method !== 'GET') throw refuse(405, 'not-supported', 'only GET and DELETE');
  return poll(state, job);
}

function release(state: State, job: Job): Reply {
  const failure = takeFailure(state.behaviour.status.deleteFailures);
  if (failure) return failureReply(failure);
  job.deleted = true;
  return { status: 202 };
}

function poll(state: State, job: Job): Reply {
  const options = state.behaviour.status;
  const n = job.polls;
  job.polls += 1;
  const failure = failureAt(options.failures, n);
  if (failure) return failureReply(failure);
  if (n < failureCount(options.failures) + options.pollsBeforeDone) {
    const progress: Record<string, string> = options.progress === null ? {} : { 'x-progress': options.progress };
    return { status: 202, headers: { ...progress, ...retryAfterHeader(options.retryAfter) } };
  }
  if (options.jobFails) return fhirAnswer(options.jobFails.status, operationOutcome([options.jobFails.issue]));
  return answerManifest(state, job);
}

function answerManifest(state: State, job: Job): Reply {
  const options = state.behaviour.manifest;
  if (job.manifestsShown === 0) addReportFiles(state, job);
  if (job.linksExpireAt <= Date.now()) job.linksExpireAt = nextExpiry(state, job);
  job.manifestsShown += 1;
  const entriesOf = (kind: ExportFile['kind']): unknown[] =>
    job.files.filter((file) => file.kind === kind).map((file) => manifestEntry(state, job, file));
  const deleted = entriesOf('deleted');
  const manifest: Record<string, unknown> = {
    transactionTime: job.transactionTime,
    request: job.request,
    requiresAccessToken: job.requiresAccessToken,
    output: [...entriesOf('output'), ...options.extraOutput],
    ...(deleted.length > 0 ? { deleted } : {}),
    error: entriesOf('error'),
    ...options.extraMembers,
  };
  for (const name of options.omitMembers) delete manifest[name];
  const expires = options.expiresSeconds;
  const headers: Record<string, string> =
    expires === null ? {} : { expires: new Date(Date.now() + expires * 1000).toUTCString() };
  return jsonAnswer(200, manifest, headers);
}

/** Error and deleted files; they stay as the first manifest showed them. */
function addReportFiles(state: State, job: Job): void {
  const issues = [...job.notes, ...state.behaviour.manifest.errors];
  const outcomes = issues.map((issue) => JSON.stringify(operationOutcome([issue])));
  if (outcomes.length > 0) job.files.push(emptyFile(job.files.length + 1, 'error', 'OperationOutcome', outcomes));
  const deleted = state.behaviour.manifest.deletedLines;
  if (deleted.length > 0) job.files.push(emptyFile(job.files.length + 1, 'deleted', 'Bundle', [...deleted]));
}

function nextExpiry(state: State, job: Job): number {
  const { links, linkLifetimeSeconds } = state.behaviour.files;
  const born = links === 'always-expired' || (links === 'first-manifest-expired' && job.manifestsShown === 0);
  return born ? Date.now() - 1000 : Date.now() + linkLifetimeSeconds * 1000;
}

function manifestEntry(state: State, job: Job, file: ExportFile): unknown {
  const origin = state.behaviour.files.origin === 'same' ? state.origin : state.otherOrigin;
  const entry = { type: file.type, url: `${origin}${fileLink(state, job, file, 'manifest')}` };
  switch (state.behaviour.manifest.count) {
    case 'none':
      return entry;
    case 'wrong':
      return { ...entry, count: file.lines.length + 7 };
    case 'right':
      return { ...entry, count: file.lines.length };
  }
}

/** A signed link; `redirect` links are pre-signed: they need no token and accept none. */
export function fileLink(state: State, job: Job, file: ExportFile, via: 'manifest' | 'redirect'): string {
  const path = `${FILES_PATH}${job.id}/${String(file.number).padStart(4, '0')}.${file.type}.ndjson`;
  return `${path}?via=${via}&expires=${job.linksExpireAt}&signature=${signature(state, path, via, String(job.linksExpireAt))}`;
}

export function signature(state: State, path: string, via: string, expires: string): string {
  return createHmac('sha256', state.linkSecret).update(`${path} ${via} ${expires}`).digest('hex');
}
