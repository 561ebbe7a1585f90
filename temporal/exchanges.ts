import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { InvokeExportInput, InvokeExportResult, TaskQueues } from '../workflows/contract.ts';
import { exchangeRunOptions, exchangeWorkflowId, POLL_NOW_SIGNAL, WORKFLOWS } from '../workflows/contract.ts';
import { runStateOf } from './run-state.ts';
import type { RunState } from './run-state.ts';

export interface Exchanges {
  /** Starts the run of an exchange, once: a run that there is already, or was, is as good. */
  start(input: InvokeExportInput): Promise<void>;
  /** Asks the run to stop; false where there is none. */
  cancel(taskId: string): Promise<boolean>;
  pollNow(taskId: string): Promise<boolean>;
  state(taskId: string): Promise<RunState>;
}

type InvokeExport = (input: InvokeExportInput) => Promise<InvokeExportResult>;

export function createExchanges(client: Client, queues: TaskQueues): Exchanges {
  const handleOf = (taskId: string) => client.workflow.getHandle(exchangeWorkflowId(taskId));
  const unlessAbsent = async (action: Promise<unknown>): Promise<boolean> => {
    try {
      await action;
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  return {
    async start(input) {
      try {
        await client.workflow.start<InvokeExport>(WORKFLOWS.invokeExport, {
          ...exchangeRunOptions(input),
          taskQueue: queues.workflows,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },
    cancel: (taskId) => unlessAbsent(handleOf(taskId).cancel()),
    pollNow: (taskId) => unlessAbsent(handleOf(taskId).signal(POLL_NOW_SIGNAL)),
    state: (taskId) => runStateOf(client, exchangeWorkflowId(taskId)),
  };
}
