import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';

/** How a run stands, as far as Temporal knows: what the sweep compares our rows with. */
export type RunState = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'absent';

export async function runStateOf(client: Client, workflowId: string): Promise<RunState> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    switch (status.name) {
      case 'RUNNING':
      case 'CONTINUED_AS_NEW':
        return 'running';
      case 'COMPLETED':
        return 'completed';
      case 'CANCELLED':
        return 'cancelled';
      case 'TERMINATED':
        return 'terminated';
      default:
        return 'failed';
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'absent';
    throw error;
  }
}
