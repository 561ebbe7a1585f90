import { ParentClosePolicy, proxyActivities, setCurrentDetails, startChild, workflowInfo } from '@temporalio/workflow';
import type { RepetitionActivities } from '../activities/requester/repetition-activities.ts';
import { exchangeRunOptions, siblingQueues } from './contract.ts';
import type { InvokeExportInput, RepeatExchangeInput, RepeatExchangeResult } from './contract.ts';
import { invokeExport } from './invoke-export.ts';

/** Started by the Schedule of a repetition: opens one more exchange, and leaves its run to itself. */
export async function repeatExchange({ taskId }: RepeatExchangeInput): Promise<RepeatExchangeResult> {
  const { firstExecutionRunId, taskQueue } = workflowInfo();
  // Without an end: nothing can go on without Postgres.
  const { openRepetition } = proxyActivities<RepetitionActivities>({
    taskQueue: siblingQueues(taskQueue).peer,
    startToCloseTimeout: '30s',
    retry: { initialInterval: '1s', maximumInterval: '1m' },
  });
  const opened = await openRepetition.executeWithOptions({ summary: 'open the exchange' }, [
    { taskId, occurrence: firstExecutionRunId },
  ]);
  if (opened.outcome !== 'opened') {
    setCurrentDetails(
      opened.outcome === 'running' ? 'The exchange before has not ended.' : 'The repetition has ended.',
    );
    return opened;
  }
  setCurrentDetails(`**Task:** ${opened.input.taskId}`);
  await startExchange(opened.input);
  return { outcome: 'opened', taskId: opened.input.taskId };
}

async function startExchange(input: InvokeExportInput): Promise<void> {
  try {
    await startChild(invokeExport, {
      ...exchangeRunOptions(input),
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
  } catch (error) {
    // The sweep was there first.
    if (!(error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError')) throw error;
  }
}
