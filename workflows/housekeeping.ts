import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { HousekeepingActivities } from '../activities/housekeeping.ts';
import type { NotificationActivities } from '../activities/notifications/notification-activities.ts';
import type { RepetitionActivities } from '../activities/requester/repetition-activities.ts';
import { siblingQueues } from './contract.ts';

/** Started by a Schedule: makes every Task say what became of its run, and starts runs that were never started. */
export async function housekeeping(): Promise<void> {
  const { sweepTasks, expireExports, settleRepetitions, sweepNotifications } = proxyActivities<
    HousekeepingActivities &
      Pick<RepetitionActivities, 'settleRepetitions'> &
      Pick<NotificationActivities, 'sweepNotifications'>
  >({
    taskQueue: siblingQueues(workflowInfo().taskQueue).peer,
    startToCloseTimeout: '2m',
    retry: { maximumAttempts: 3 },
  });
  let failure: { readonly error: unknown } | undefined;
  for (const sweep of [sweepTasks, expireExports, settleRepetitions, sweepNotifications]) {
    try {
      await sweep();
    } catch (error) {
      // A Task that cannot be settled must not keep exports that are over.
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}
