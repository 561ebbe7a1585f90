import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { DeliverNotificationsInput, DeliveryRetry, TaskQueues } from '../workflows/contract.ts';
import { NOTIFY_SIGNAL, notificationWorkflowId, WORKFLOWS } from '../workflows/contract.ts';

export interface NotificationRuns {
  /** There is something new for this receiver: its run goes on with it, or is started. */
  deliver(lane: Omit<DeliverNotificationsInput, 'retry'>): Promise<void>;
  /** Starts the run where there is none. */
  resume(lane: Omit<DeliverNotificationsInput, 'retry'>): Promise<void>;
}

/** Whoever wrote the Task does not wait for a server that is away: the sweep makes up for it. */
const DEADLINE_MS = 5000;

type Deliver = (input: DeliverNotificationsInput) => Promise<void>;

export function createNotificationRuns(client: Client, queues: TaskQueues, retry: DeliveryRetry): NotificationRuns {
  const optionsOf = ({ taskId, channel, receiver }: Omit<DeliverNotificationsInput, 'retry'>) => ({
    workflowId: notificationWorkflowId({ taskId, channel, receiver }),
    taskQueue: queues.workflows,
    args: [{ taskId, channel, receiver, retry }] as [DeliverNotificationsInput],
    staticSummary: `Notification of ${channel} ${receiver}`,
  });
  return {
    async deliver(lane) {
      const options = { ...optionsOf(lane), signal: NOTIFY_SIGNAL };
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.signalWithStart<Deliver>(WORKFLOWS.deliverNotifications, options),
      );
    },
    async resume(lane) {
      try {
        await client.workflow.start<Deliver>(WORKFLOWS.deliverNotifications, optionsOf(lane));
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },
  };
}
