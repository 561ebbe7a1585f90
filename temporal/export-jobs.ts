import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { RunExportInput, RunExportResult, TaskQueues } from '../workflows/contract.ts';
import { exportWorkflowId, removalWorkflowId, WORKFLOWS } from '../workflows/contract.ts';
import { runStateOf } from './run-state.ts';
import type { RunState } from './run-state.ts';

export interface ExportRuns {
  start(jobId: string): Promise<void>;
  /** Stops a run that is under way. */
  cancel(jobId: string): Promise<void>;
  state(jobId: string): Promise<RunState>;
  /** Takes the files of a job away, in a run of its own. */
  remove(jobId: string): Promise<void>;
}

type Run = (input: RunExportInput) => Promise<RunExportResult | undefined>;

export function createExportRuns(client: Client, queues: TaskQueues): ExportRuns {
  const start = async (name: string, workflowId: string, jobId: string, summary: string): Promise<void> => {
    try {
      await client.workflow.start<Run>(name, {
        ...{ workflowId, taskQueue: queues.workflows, args: [{ jobId }], staticSummary: summary },
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  };
  return {
    state: (jobId) => runStateOf(client, exportWorkflowId(jobId)),
    start: (jobId) => start(WORKFLOWS.runExport, exportWorkflowId(jobId), jobId, 'Export for a partner'),
    remove: (jobId) => start(WORKFLOWS.removeExport, removalWorkflowId(jobId), jobId, 'Remove the files of an export'),
    async cancel(jobId) {
      try {
        await client.workflow.getHandle(exportWorkflowId(jobId)).cancel();
      } catch (error) {
        // It has ended already, or was never started.
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
  };
}
