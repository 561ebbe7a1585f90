import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ContinueAsNew,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  patched,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { StartedExport } from '../activities/requester/start-export.ts';
import { ERRORS } from '../fhir/errors.ts';
import { POLL_NOW_SIGNAL, PROGRESS_QUERY } from './contract.ts';
import type { InvokeExportInput, InvokeExportResult, Step } from './contract.ts';
import { mirrorTask, showStep } from './steps/mirror-task.ts';
import type { TaskMirror } from './steps/mirror-task.ts';
import { pollExport } from './steps/poll-export.ts';
import type { PollSignal } from './steps/poll-export.ts';
import { requesterProxies } from './steps/proxies.ts';
import type { RequesterProxies } from './steps/proxies.ts';
import { downloadAll, importAll } from './steps/transfer-files.ts';
import { codeOf, UndoList } from './steps/undo.ts';

export const pollNow = defineSignal(POLL_NOW_SIGNAL);
export const progress = defineQuery<Step>(PROGRESS_QUERY);

interface Exchange {
  readonly input: InvokeExportInput;
  readonly activities: RequesterProxies;
  readonly task: TaskMirror;
  readonly undo: UndoList;
  readonly pollSignal: PollSignal;
}

/** One member's records, from the responding payer into our store. */
export async function invokeExport(input: InvokeExportInput): Promise<InvokeExportResult> {
  const activities = requesterProxies(input.limits);
  const exchange: Exchange = {
    input,
    activities,
    task: mirrorTask(input.taskId, activities.own, input.resume?.kickedOffAt === undefined ? 'queued' : 'poll-export'),
    undo: new UndoList(),
    pollSignal: { requested: false },
  };
  setHandler(pollNow, () => {
    exchange.pollSignal.requested = true;
  });
  setHandler(progress, () => exchange.task.step());
  exchange.undo.add(() => activities.own.freeSlot(input.taskId));
  try {
    const kickedOffAt = await kickOff(exchange);
    const files = kickedOffAt === 'synchronous' ? undefined : await poll(exchange, kickedOffAt);
    return await receive(exchange, files);
  } catch (error) {
    if (isContinuation(error)) throw error;
    return await giveUp(exchange, error);
  }
}

/**
 * Answers when the export was kicked off, in epoch milliseconds; a continued run knows it already. `synchronous`: the
 * payer has none to poll, and answers with the records themselves.
 */
async function kickOff(exchange: Exchange): Promise<number | 'synchronous'> {
  const { input, activities, undo } = exchange;
  const { kickedOffAt } = input.resume ?? {};
  if (kickedOffAt === undefined) return request(exchange);
  undo.add(() => release(input.taskId, activities));
  return kickedOffAt;
}

/** From the queue to the kick-off. */
async function request({ input, activities, task, undo }: Exchange): Promise<number | 'synchronous'> {
  const { own, peer } = activities;
  const { taskId, limits } = input;
  await task.record('accepted', 'queued');
  while (!(await own.takeSlot(taskId))) {
    if (workflowInfo().continueAsNewSuggested) await goOn(input, { polls: 0 });
    await sleep(limits.slotRetryMs, { summary: 'wait for a slot of this payer' });
  }
  await task.record('in-progress', 'authorize');
  await peer.authorize.executeWithOptions({ summary: 'obtain an access token' }, [taskId]);
  if (!input.skipMatch) {
    await task.record('in-progress', 'match-member');
    await peer.matchMember.executeWithOptions({ summary: '$member-match at the responding payer' }, [taskId]);
  }
  await task.record('in-progress', 'start-export');
  // Before the kick-off: it may succeed there and be lost on its way back.
  undo.add(() => release(taskId, activities));
  const started = await activities.kickOff.startExport.executeWithOptions({ summary: 'kick off the export' }, [taskId]);
  if (isSynchronous(started)) return 'synchronous';
  await task.record('in-progress', 'poll-export');
  return Date.now();
}

/** Runs that began under an earlier version have no answer of this step. */
function isSynchronous(started: StartedExport | undefined | null): boolean {
  return started?.synchronous === true;
}

/** Waits for the manifest; answers the number of files. */
async function poll({ input, activities, pollSignal }: Exchange, kickedOffAt: number): Promise<number> {
  const state = { kickedOffAt, polls: input.resume?.polls ?? 0 };
  const end = await pollExport(input.taskId, state, input.limits, activities.peer, pollSignal);
  if (end.kind === 'complete') return end.files;
  return goOn(input, { kickedOffAt, polls: end.polls });
}

/** Files in, records staged, then visible all at once. */
async function receive(exchange: Exchange, listed: number | undefined): Promise<InvokeExportResult> {
  const { input, activities, task, undo } = exchange;
  const { taskId, limits } = input;
  undo.add(() => activities.undo.removeImport(taskId));
  await task.record('in-progress', 'download', listed === undefined ? undefined : `**Files:** ${listed}`);
  const delivered = listed ?? (await collect(exchange));
  await downloadAll(taskId, delivered, limits.parallelFiles, activities.transfer);
  const count = `**Files:** ${delivered}`;
  await task.record('in-progress', 'import', count);
  await importAll(taskId, delivered, activities.transfer);
  const files = delivered + (await fetchReferenced(exchange, delivered));
  // The last file may have been in the store before it heard of a cancellation.
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Cancelled before publication');
  return CancellationScope.nonCancellable(async () => {
    await task.record('in-progress', 'publish', count);
    const published = await activities.transfer.publishImport.executeWithOptions(
      { summary: 'make the records visible' },
      [taskId],
    );
    await releaseQuietly(taskId, activities);
    await task.record('completed', 'done', `${count}\n\n**Records:** ${published.resources}`);
    await activities.own.freeSlot(taskId);
    return { status: 'completed', files, resources: published.resources };
  });
}

/** Page by page into files, as if an export had delivered them; answers how many. */
async function collect({ input, activities }: Exchange): Promise<number> {
  return activities.transfer.collectRecords.executeWithOptions({ summary: 'read the records page by page' }, [
    input.taskId,
  ]);
}

/** What records point to and the export left out comes as one file more; answers how many there are: 0 or 1. */
async function fetchReferenced({ input, activities }: Exchange, delivered: number): Promise<number> {
  if (!patched('fetch-referenced')) return 0;
  const { taskId } = input;
  const summary = 'read what records point to and the export left out';
  const fetched = await activities.transfer.fetchReferenced.executeWithOptions({ summary }, [taskId]);
  if (fetched === 0) return 0;
  const share = { taskId, first: delivered, last: delivered };
  await activities.transfer.downloadFiles.executeWithOptions({ summary: 'look through what was read' }, [share]);
  await activities.transfer.importFiles.executeWithOptions({ summary: 'import what was read' }, [share]);
  return fetched;
}

/** The records are here: a payer that does not take the DELETE does not make the exchange fail. */
async function releaseQuietly(taskId: string, activities: RequesterProxies): Promise<void> {
  try {
    await release(taskId, activities);
  } catch {
    // The payer lets its export expire.
  }
}

/** A payer that is away keeps neither the Task nor its slot waiting for long. */
async function release(taskId: string, { undo }: RequesterProxies): Promise<void> {
  await undo.releaseExport.executeWithOptions(
    { summary: 'tell the responding payer that the export may go', scheduleToCloseTimeout: '1m' },
    [taskId],
  );
}

async function giveUp({ input, activities, task, undo }: Exchange, error: unknown): Promise<never> {
  // What an activity made of its cancellation may be a failure by now.
  const isCancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
  const reason = isCancelled ? 'cancelled' : codeOf(error);
  const status = isCancelled ? 'cancelled' : 'failed';
  const step = task.step();
  await undo.run();
  await CancellationScope.nonCancellable(async () => {
    showStep(status, `**At:** ${step}`, reason);
    await activities.own.failExchange.executeWithOptions({ summary: `Task ${status}: ${reason}` }, [
      { taskId: input.taskId, status, step, reason },
    ]);
  });
  if (isCancelled) throw new CancelledFailure(ERRORS.cancelled.sentence);
  throw ApplicationFailure.create({ type: reason, message: ERRORS[reason].sentence, nonRetryable: true });
}

function goOn(input: InvokeExportInput, resume: NonNullable<InvokeExportInput['resume']>): Promise<never> {
  return continueAsNew<typeof invokeExport>({ ...input, resume });
}

function isContinuation(error: unknown): boolean {
  return error instanceof ContinueAsNew;
}
