import { ScheduleAlreadyRunning } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { TaskQueues } from '../workflows/contract.ts';
import { WORKFLOWS } from '../workflows/contract.ts';

/** The sweep runs twice a minute: a Task is true within a minute of whatever happened to its run. */
export async function ensureSchedules(client: Client, queues: TaskQueues): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: `housekeeping/${queues.workflows}`,
      spec: { intervals: [{ every: '30s' }] },
      policies: { overlap: 'SKIP', catchupWindow: '1m' },
      action: {
        type: 'startWorkflow',
        workflowType: WORKFLOWS.housekeeping,
        workflowId: `housekeeping/${queues.workflows}`,
        taskQueue: queues.workflows,
        args: [],
        workflowExecutionTimeout: '5m',
      },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
