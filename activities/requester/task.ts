import { activityInfo } from '@temporalio/activity';
import type { ErrorCode } from '../../fhir/errors.ts';
import type { Step, StepRecord, TaskStatus } from '../../workflows/contract.ts';
import { exchangeOutput } from './exchange-output.ts';
import type { RequesterDeps } from './deps.ts';

export interface EndRecord {
  readonly taskId: string;
  readonly status: Extract<TaskStatus, 'failed' | 'cancelled'>;
  /** The step that it did not get past. */
  readonly step: Step;
  readonly reason: ErrorCode;
}

/** Only these two write a Task's state; what orders them is when the server scheduled them, retries and resets included. */
export function taskActivities({ exchanges, tasks, ...deps }: RequesterDeps) {
  const orderedAt = (): Date => new Date(activityInfo().scheduledTimestampMs);
  return {
    async recordStep({ taskId, status, step }: StepRecord): Promise<void> {
      const isEnd = status === 'completed';
      const output = isEnd ? await exchangeOutput(taskId, { exchanges, ...deps }) : undefined;
      const change = { status, businessStatus: step, orderedAt: orderedAt(), ...(output && { output }) };
      if (await tasks.record(taskId, change)) await exchanges.setActive(taskId, !isEnd);
    },

    /** What was published is complete, whatever ended the run; of everything else nothing stays, whatever became of the undo. */
    async failExchange({ taskId, status, step, reason }: EndRecord): Promise<void> {
      const { publishedAt } = await exchanges.load(taskId);
      if (publishedAt === undefined) await deps.fhir.removeImport(taskId);
      const output = await exchangeOutput(taskId, { exchanges, ...deps });
      const change =
        publishedAt === undefined
          ? { status, businessStatus: step, reason, output, orderedAt: orderedAt() }
          : { status: 'completed', businessStatus: 'done', output, orderedAt: orderedAt() };
      if (await tasks.record(taskId, change)) await exchanges.setActive(taskId, false);
    },
  };
}
