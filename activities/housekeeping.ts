import { heartbeat } from '@temporalio/activity';
import type { ErrorCode } from '../fhir/errors.ts';
import type { ExportJobStore } from '../store/export-jobs.ts';
import type { MatchStore } from '../store/matches.ts';
import { exchangeOutput } from './requester/exchange-output.ts';
import type { RequesterDeps } from './requester/deps.ts';
import { releaseExport } from './requester/release-export.ts';
import { sweepExports } from './responder/sweep-exports.ts';
import type { ExportSweepRuns } from './responder/sweep-exports.ts';

/** What the sweep asks of Temporal (`temporal/exchanges.ts`). */
export interface Runs {
  state(taskId: string): Promise<'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'absent'>;
  /** Starts the run of an exchange that was written and never started. */
  restart(taskId: string): Promise<void>;
}

export interface HousekeepingDeps extends RequesterDeps {
  readonly runs: Runs;
  /** An exchange younger than this may just be on its way from its row to its run. */
  readonly settledAfterMs: number;
  readonly jobs: ExportJobStore;
  readonly matches: Pick<MatchStore, 'forgetTries'>;
  readonly exportRuns: ExportSweepRuns;
  /** Until the files of a failed export are taken away, too. */
  readonly expirySeconds: number;
}

const SWEPT_AT_ONCE = 500;
const RELEASE_MS = 5000;

const ENDINGS = {
  failed: ['failed', 'internal'],
  terminated: ['failed', 'terminated'],
  cancelled: ['cancelled', 'cancelled'],
} as const satisfies Record<string, readonly ['failed' | 'cancelled', ErrorCode]>;

export function createHousekeepingActivities(deps: HousekeepingDeps) {
  const { exchanges, tasks, fhir, runs } = deps;

  /** A run that ended without writing so (terminated, or nobody could write) leaves an active exchange behind. */
  const settle = async (taskId: string): Promise<void> => {
    const state = await runs.state(taskId);
    if (state === 'running') return;
    if (state === 'absent') return runs.restart(taskId);
    const { publishedAt } = await exchanges.load(taskId);
    // Before the Task says its end: the same request may come then, and the portal's tokens go. Not for long: a payer
    // that does not answer now lets its export expire.
    if (publishedAt === undefined) await atMost(RELEASE_MS, releaseExport(deps)(taskId));
    const orderedAt = new Date();
    if (state === 'completed' || publishedAt !== undefined) {
      const output = await exchangeOutput(taskId, deps);
      await tasks.record(taskId, { status: 'completed', businessStatus: 'done', output, orderedAt });
    } else {
      await fhir.removeImport(taskId);
      const [status, reason] = ENDINGS[state];
      const output = await exchangeOutput(taskId, deps);
      const { businessStatus } = await tasks.read(taskId);
      await tasks.record(taskId, { status, businessStatus, reason, output, orderedAt });
    }
    await exchanges.freeSlot(taskId);
    await exchanges.setActive(taskId, false);
  };

  return {
    async sweepTasks(): Promise<void> {
      const before = new Date(Date.now() - deps.settledAfterMs);
      let failure: { readonly error: unknown } | undefined;
      for (const taskId of await exchanges.activeBefore(before, SWEPT_AT_ONCE)) {
        try {
          await settle(taskId);
        } catch (error) {
          // One that cannot be settled does not keep the others; the sweep as a whole fails and comes again.
          failure ??= { error };
        }
        heartbeat();
      }
      if (failure !== undefined) throw failure.error;
    },
    /** What is over on the responding side: exports, and counts of failed matches. */
    async expireExports(): Promise<void> {
      await deps.matches.forgetTries(new Date());
      await sweepExports({ ...deps, runs: deps.exportRuns });
    },
  };
}

export type HousekeepingActivities = ReturnType<typeof createHousekeepingActivities>;

async function atMost(ms: number, action: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([action.catch(() => undefined), end]);
  clearTimeout(timer);
}
