import type { ExportJobStore } from '../../store/export-jobs.ts';

/** What the sweep asks of Temporal (`temporal/export-jobs.ts`). */
export interface ExportSweepRuns {
  state(jobId: string): Promise<'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'absent'>;
  start(jobId: string): Promise<void>;
  remove(jobId: string): Promise<void>;
}

export interface ExportSweepDeps {
  readonly jobs: ExportJobStore;
  readonly runs: ExportSweepRuns;
  /** A job younger than this may just be on its way from its row to its run. */
  readonly settledAfterMs: number;
  readonly expirySeconds: number;
}

const SWEPT_AT_ONCE = 200;

/** Starts jobs that were never started, ends those whose run has ended without saying so, takes away what has expired. */
export async function sweepExports({ jobs, runs, settledAfterMs, expirySeconds }: ExportSweepDeps): Promise<void> {
  const now = Date.now();
  for (const id of await jobs.unfinishedBefore(new Date(now - settledAfterMs), SWEPT_AT_ONCE)) {
    const state = await runs.state(id);
    if (state === 'absent') await runs.start(id);
    if (state === 'running' || state === 'absent') continue;
    await jobs.failUnfinished(id, new Date(now + expirySeconds * 1000));
  }
  for (const id of await jobs.expired(new Date(now), SWEPT_AT_ONCE)) {
    await jobs.change(id, { state: 'deleted' });
    await runs.remove(id);
  }
}
