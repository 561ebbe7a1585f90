import { MockActivityEnvironment } from '@temporalio/testing';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { DefaultLogger } from '@temporalio/worker';
import { isErrorCode } from '../../../fhir/errors.ts';
import type { ErrorCode } from '../../../fhir/errors.ts';
import type { TaskState } from '../../../fhir/task.ts';
import type { ExchangeRequest } from '../../../store/exchanges.ts';
import type { DirectRequester } from './direct-requester.ts';
import { LOCAL_PATIENT, RESPONDING_ORGANIZATION } from './requester.ts';

const MOST_ATTEMPTS = 6;

// Failures of activities are what these tests are about; warnings of them say nothing.
const logger = new DefaultLogger('ERROR');

let scheduled = Date.now();

export interface Watch {
  /** Called with what aborts this attempt, as a worker that shuts down does. */
  readonly begun?: (abort: () => void) => void;
  readonly failed?: () => void;
  readonly attempts?: number;
}

/** Runs one activity as the server has it run: again after what may pass, at once instead of later. */
export async function asScheduled<T>(
  activity: () => Promise<T>,
  { begun, failed, attempts = MOST_ATTEMPTS }: Watch = {},
): Promise<T> {
  scheduled += 1;
  const scheduledTimestampMs = scheduled;
  for (let attempt = 1; ; attempt += 1) {
    const environment = new MockActivityEnvironment({ attempt, scheduledTimestampMs }, { logger });
    begun?.(() => environment.cancel('WORKER_SHUTDOWN'));
    try {
      return await environment.run(activity);
    } catch (error) {
      failed?.();
      const mayPass = error instanceof ApplicationFailure && error.nonRetryable !== true;
      if ((!mayPass && !(error instanceof CancelledFailure)) || attempt === attempts) throw error;
    }
  }
}

/** Runs an activity; what a test hands in decides how often, and what happens in between. */
export type RunStep = <T>(activity: () => Promise<T>) => Promise<T>;

export const once: RunStep = (activity) => asScheduled(activity);

export interface DirectExchange {
  readonly localPatientId?: string;
  readonly payerPid?: number;
  readonly organizationId?: string;
  readonly request?: Partial<ExchangeRequest>;
}

/** From the request to the manifest, whose files are rows then. */
export async function untilManifest(
  { activities, exchanges }: DirectRequester,
  { request, ...exchange }: DirectExchange = {},
): Promise<string> {
  const { taskId } = await exchanges.open({
    ...{
      payerPid: 1,
      organizationId: RESPONDING_ORGANIZATION,
      localPatientId: LOCAL_PATIENT,
      warnings: [],
      ...exchange,
    },
    request: { exportEntries: [], ...request },
  });
  await once(() => activities.authorize(taskId));
  if (request?.matchParameters !== undefined) await once(() => activities.matchMember(taskId));
  await once(() => activities.startExport(taskId));
  while ((await once(() => activities.checkExport(taskId))).state !== 'complete');
  return taskId;
}

/** From the manifest to where all records are staged, in the order of the workflow. */
export async function importAll(
  { activities, files }: DirectRequester,
  taskId: string,
  run: RunStep = once,
): Promise<void> {
  const last = (await files.list(taskId)).length - 1;
  const each = Array.from({ length: last + 1 }, (_, number) => ({ taskId, first: number, last: number }));
  await run(() => activities.recordStep({ taskId, status: 'in-progress', step: 'download' }));
  for (const share of each) await run(() => activities.downloadFiles(share));
  await run(() => activities.recordStep({ taskId, status: 'in-progress', step: 'import' }));
  for (const share of each) await run(() => activities.importFiles(share));
  if ((await run(() => activities.fetchReferenced(taskId))) === 0) return;
  const fetched = { taskId, first: last + 1, last: last + 1 };
  await run(() => activities.downloadFiles(fetched));
  await run(() => activities.importFiles(fetched));
}

/** From the manifest to the end. */
export async function receiveAll(requester: DirectRequester, taskId: string, run: RunStep = once): Promise<void> {
  const { activities } = requester;
  await importAll(requester, taskId, run);
  await run(() => activities.recordStep({ taskId, status: 'in-progress', step: 'publish' }));
  await run(() => activities.publishImport(taskId));
  await run(() => activities.recordStep({ taskId, status: 'completed', step: 'done' }));
}

/** What the workflow makes of a failure that ends the exchange. */
export async function giveUp({ activities }: DirectRequester, taskId: string, error: unknown): Promise<void> {
  const type = error instanceof ApplicationFailure ? error.type : undefined;
  if (typeof type !== 'string' || !isErrorCode(type)) throw error;
  await undo({ activities }, taskId, type);
}

export async function undo(
  { activities }: Pick<DirectRequester, 'activities'>,
  taskId: string,
  reason: ErrorCode,
): Promise<void> {
  await once(() => activities.removeImport(taskId));
  await once(() => activities.failExchange({ taskId, status: 'failed', step: 'import', reason }));
}

/** A whole exchange; `atManifest` may change what the payer delivers. */
export async function exchangeDirectly(
  requester: DirectRequester,
  exchange: DirectExchange = {},
  atManifest: () => void = () => undefined,
): Promise<TaskState> {
  const taskId = await untilManifest(requester, exchange);
  atManifest();
  try {
    await receiveAll(requester, taskId);
  } catch (error) {
    await giveUp(requester, taskId, error);
  }
  return requester.tasks.read(taskId);
}
