import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApplicationFailure } from '@temporalio/activity';
import { Context } from '@temporalio/activity';
import { asFailure } from '../../activities/failures.ts';
import type { RequesterActivities } from '../../activities/requester/requester-activities.ts';
import type { ResponderActivities } from '../../activities/responder/responder-activities.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import type { ErrorCode } from '../../fhir/errors.ts';

type Activities = RequesterActivities & ResponderActivities;

/** What activities do for one exchange or export; those that are left out succeed at once. */
export type Script = Partial<Activities>;

/** One try of an activity, in the order in which they began. */
export interface Call {
  readonly name: string;
  readonly input: unknown;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface Played {
  /** Of the Task, or of the export job. */
  readonly id: string;
  readonly calls: readonly Call[];
  /** The activities in their order, without those that write the Task. */
  steps(): string[];
  /** The Task as it was written: `status step`, and `status step reason` at a failure. */
  records(): string[];
  count(name: keyof Activities): number;
}

export interface Stage {
  readonly activities: Activities;
  play(script?: Script): Played;
}

const nothing = async (): Promise<void> => undefined;

/** Everything succeeds: one file, one record. */
const SUCCESS: Activities = {
  recordStep: nothing,
  failExchange: nothing,
  takeSlot: async () => true,
  freeSlot: nothing,
  authorize: async () => ({ expiresAt: 0, scope: 'system/*.rs' }),
  matchMember: nothing,
  startExport: async () => ({ synchronous: false }),
  collectRecords: async () => 1,
  checkExport: async () => ({ state: 'complete', files: 1 }),
  downloadFiles: nothing,
  fetchReferenced: async () => 0,
  importFiles: nothing,
  publishImport: async () => ({ resources: 1 }),
  releaseExport: nothing,
  removeImport: nothing,
  freezeScope: async () => ({ types: ['Patient'] }),
  writeResourceType: async () => ({ files: 1, resources: 1 }),
  writeSmallTypes: async ({ types }) => ({ files: types.length, resources: types.length }),
  finishManifest: nothing,
  failExport: nothing,
  removeExport: nothing,
};

/** Activities that do what each exchange's own script says, and remember how they were called. */
export function createStage(): Stage {
  const played = new Map<string, { readonly script: Script; readonly calls: Call[] }>();
  const perform =
    (name: string) =>
    async (input: unknown): Promise<unknown> => {
      const own = played.get(idOf(input));
      if (own === undefined) throw new Error('No script was given for this id.');
      own.calls.push({ name, input, at: Date.now() });
      const activities: object = { ...SUCCESS, ...own.script };
      const activity = (activities as Record<string, (input: unknown) => Promise<unknown>>)[name];
      return activity?.(input);
    };
  return {
    activities: Object.fromEntries(Object.keys(SUCCESS).map((name) => [name, perform(name)])) as unknown as Activities,
    play(script = {}) {
      const id = randomUUID();
      const calls: Call[] = [];
      played.set(id, { script, calls });
      return {
        ...{ id, calls },
        steps: () => calls.map(({ name }) => name).filter((name) => !isRecord(name)),
        records: () => calls.filter(({ name }) => isRecord(name)).map(({ input }) => recordOf(input)),
        count: (name) => calls.filter((call) => call.name === name).length,
      };
    },
  };
}

const isRecord = (name: string): boolean => ['recordStep', 'failExchange'].includes(name);

function idOf(input: unknown): string {
  if (typeof input === 'string') return input;
  const { taskId, jobId } = input as { taskId?: string; jobId?: string };
  return taskId ?? jobId ?? '';
}

function recordOf(input: unknown): string {
  const { status, step, reason } = input as { status: string; step: string; reason?: string };
  return [status, step, reason].filter((word) => word !== undefined).join(' ');
}

/** What an activity fails with, as the real ones do. */
export const failure = (code: ErrorCode, retryAfterMs?: number): ApplicationFailure =>
  asFailure(new ExchangeError(code, { retryAfterMs }));

/** Fails at its first tries, then does `then`. */
export function failing<T>(times: number, error: () => Error, then: () => T): () => Promise<T> {
  let tries = 0;
  return async () => {
    if (tries++ < times) throw error();
    return then();
  };
}

/** An activity at work until it hears of its cancellation. */
export async function untilCancelled(): Promise<never> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 20);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(beat);
  }
}

/** Waits until something is so. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Not within 20 seconds: ${what}.`);
    await delay(5);
  }
}
