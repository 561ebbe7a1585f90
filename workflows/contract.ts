/**
 * What everyone outside `workflows/` may know of the workflows: names, inputs, results, signals, ids, queues.
 * Ids, counts, codes and times only: nothing here ever carries member data.
 */
import type { ErrorCode } from '../fhir/errors.ts';

/** The three queues of one deployment; `prefix` is `carryover`, or one of a test's own. */
export interface TaskQueues {
  /** Workflow tasks. */
  readonly workflows: string;
  /** Activities that talk to another payer, and the short ones on our own rows. */
  readonly peer: string;
  /** Activities that move files and records. */
  readonly transfer: string;
}

export const DEFAULT_QUEUE_PREFIX = 'carryover';

export function taskQueues(prefix: string): TaskQueues {
  return { workflows: `${prefix}-workflows`, peer: `${prefix}-peer`, transfer: `${prefix}-transfer` };
}

/** Inside a workflow: the queues next to the one it runs on. */
export function siblingQueues(workflowQueue: string): TaskQueues {
  return taskQueues(workflowQueue.replace(/-workflows$/, ''));
}

/** Names under which workflows are started (`workflows/index.ts` exports functions of these names). */
export const WORKFLOWS = {
  invokeExport: 'invokeExport',
  runExport: 'runExport',
  removeExport: 'removeExport',
  housekeeping: 'housekeeping',
  repeatExchange: 'repeatExchange',
  deliverNotifications: 'deliverNotifications',
} as const;

/** `Task.businessStatus`, log events, search attribute and activity names share these words. */
export const STEPS = [
  'queued',
  'authorize',
  'match-member',
  'start-export',
  'poll-export',
  'download',
  'import',
  'publish',
  'done',
] as const;
export type Step = (typeof STEPS)[number];

export type TaskStatus = 'requested' | 'accepted' | 'in-progress' | 'completed' | 'failed' | 'cancelled';

export const exchangeWorkflowId = (taskId: string): string => `exchange/${taskId}`;
export const exportWorkflowId = (jobId: string): string => `export/${jobId}`;
export const removalWorkflowId = (jobId: string): string => `export-removal/${jobId}`;
/** Of the schedule by which the exchange of this Task is repeated, and the beginning of the ids of its runs. */
export const repetitionScheduleId = (taskId: string): string => `repetition/${taskId}`;

/** Custom search attributes (Keyword), registered by `embedded/` and by the compose file. */
export const SEARCH_ATTRIBUTES = ['CarryoverStep', 'CarryoverPayer'] as const;

/** Signal of `invokeExport`: ask for the export's status now instead of at the end of the timer. */
export const POLL_NOW_SIGNAL = 'pollNow';
/** Query of `invokeExport`, for operators. */
export const PROGRESS_QUERY = 'progress';

export interface ExchangeLimits {
  /** From kick-off until the export must be complete, in milliseconds. */
  readonly exportDeadlineMs: number;
  /** Shortest and longest wait between two polls, in milliseconds. */
  readonly pollFloorMs: number;
  readonly pollCeilingMs: number;
  /** Files in transfer at one time. */
  readonly parallelFiles: number;
  /** Wait between two tries for a slot of the payer, in milliseconds. */
  readonly slotRetryMs: number;
  /** Tries of an activity that failed for a passing reason: first and longest wait in milliseconds, and how many. */
  readonly retry: { readonly initialMs: number; readonly maximumMs: number; readonly attempts: number };
}

export interface InvokeExportInput {
  readonly taskId: string;
  readonly payerPid: number;
  readonly limits: ExchangeLimits;
  /** True where the request names the member's id there, so that no match is run. */
  readonly skipMatch: boolean;
  /** Present after continue-as-new: where the former run stood. */
  readonly resume?: InvokeExportResume;
}

/** `kickedOffAt` in epoch milliseconds; absent while the exchange still waits for its slot. */
export interface InvokeExportResume {
  readonly kickedOffAt?: number;
  readonly polls: number;
}

/** How the run of an exchange is started, whoever starts it. */
export function exchangeRunOptions({ taskId, payerPid }: InvokeExportInput) {
  return {
    workflowId: exchangeWorkflowId(taskId),
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    typedSearchAttributes: [{ key: { name: 'CarryoverPayer', type: 'KEYWORD' as const }, value: String(payerPid) }],
    staticSummary: `Payer-to-payer exchange with payer ${payerPid}`,
    priority: { fairnessKey: `payer-${payerPid}` },
  };
}

export interface InvokeExportResult {
  readonly status: 'completed';
  readonly files: number;
  readonly resources: number;
}

export interface RunExportInput {
  readonly jobId: string;
}

export interface RunExportResult {
  readonly files: number;
  readonly resources: number;
}

/** Answer of `checkExport`; a 202 is no error. Times in milliseconds. */
export type ExportStatus =
  | { readonly state: 'in-progress'; readonly retryAfterMs?: number; readonly progressPercent?: number }
  | { readonly state: 'complete'; readonly files: number };

/** A step as it is mirrored to the Task. */
export interface StepRecord {
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly step: Step;
  readonly reason?: ErrorCode;
}

export interface RepeatExchangeInput {
  /** The Task of the first exchange. */
  readonly taskId: string;
}

/** The Task of the repetition, or why there is none: the one before has not ended, or repetition has. */
export type RepeatExchangeResult =
  { readonly outcome: 'opened'; readonly taskId: string } | { readonly outcome: 'running' | 'ended' };

/** How often a delivery is tried: first and longest wait in milliseconds, and how many tries. */
export interface DeliveryRetry {
  readonly initialMs: number;
  readonly maximumMs: number;
  readonly attempts: number;
}

/** What is told of one Task to one receiver: a Subscription by its id, or one receiver of mail. */
export interface DeliverNotificationsInput {
  readonly taskId: string;
  readonly channel: 'rest-hook' | 'mail';
  readonly receiver: string;
  readonly retry: DeliveryRetry;
}

export const notificationWorkflowId = ({
  taskId,
  channel,
  receiver,
}: Omit<DeliverNotificationsInput, 'retry'>): string => `notification/${taskId}/${channel}/${receiver}`;

/** Signal of `deliverNotifications`: there is one more. */
export const NOTIFY_SIGNAL = 'notify';
