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
import { manifestPage } from './manifest.ts';
import type { Job, State } from './state.ts';

/** Where a redirected status URL leads. */
export const MOVED_STATUS_PATH = '/jobs/moved/status';

/** GET polls, DELETE cancels or releases the job of a status URL. */
export function answerStatus(state: State, call: Call): Reply {
  const { redirect } = state.behaviour.status;
  // A 303 would turn a DELETE into a GET.
  if (redirect !== null && call.url.pathname !== MOVED_STATUS_PATH && (redirect === 307 || call.method === 'GET'))
    return { status: redirect, headers: { location: `${state.origin}${MOVED_STATUS_PATH}${call.url.search}` } };
  const token = requireBearer(state, call);
  const job = state.jobs.get(call.url.searchParams.get('job') ?? '');
  if (!job || job.deleted) throw refuse(404, 'not-found', 'no such job');
  if (job.clientId !== token.clientId) throw refuse(403, 'forbidden', 'the job of another client');
  if (call.method === 'DELETE') return release(state, job);
  if (call.method !== 'GET') throw refuse(405, 'not-supported', 'only GET and DELETE');
  return poll(state, job, Number(call.url.searchParams.get('page') ?? '1'));
}

function release(state: State, job: Job): Reply {
  const failure = takeFailure(state.behaviour.status.deleteFailures);
  if (failure) return failureReply(failure);
  job.deleted = true;
  return { status: 202 };
}

function poll(state: State, job: Job, page: number): Reply {
  const options = state.behaviour.status;
  const n = job.polls;
  job.polls += 1;
  const failure = failureAt(options.failures, n);
  if (failure) return failureReply(failure);
  if (n < failureCount(options.failures) + options.pollsBeforeDone) {
    const progress: Record<string, string> = options.progress === null ? {} : { 'x-progress': options.progress };
    const headers = { ...progress, ...retryAfterHeader(options.retryAfter), ...exportStatus(state, 202) };
    return { status: options.separateStatus ? 200 : 202, headers };
  }
  if (options.jobFails) {
    const { status, issue } = options.jobFails;
    const outcome = operationOutcome([issue]);
    return fhirAnswer(options.separateStatus ? 200 : status, outcome, exportStatus(state, status));
  }
  const { expiresSeconds } = state.behaviour.manifest;
  const expires: Record<string, string> =
    expiresSeconds === null ? {} : { expires: new Date(Date.now() + expiresSeconds * 1000).toUTCString() };
  return jsonAnswer(200, manifestPage(state, job, page), { ...expires, ...exportStatus(state, 200) });
}

function exportStatus(state: State, status: number): Record<string, string> {
  return state.behaviour.status.separateStatus ? { 'x-export-status': String(status) } : {};
}
