import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { HousekeepingActivities } from '../activities/housekeeping.ts';
import type { RepetitionActivities } from '../activities/requester/repetition-activities.ts';
import { siblingQueues } from './contract.ts';

/** Started by a Schedule: makes every Task say what became of its run, and starts runs that were never started. */
export async function housekeeping(): Promise<void> {
  const { sweepTasks, expireExports, settleRepetitions } = proxyActivities<
    HousekeepingActivities & Pick<RepetitionActivities, 'settleRepetitions'>
  >({
    taskQueue: siblingQueues(workflowInfo().taskQueue).peer,
    startToCloseTimeout: '2m',
    retry: { maximumAttempts: 3 },
  });
  try {
    await sweepTasks();
  } finally {
    // A Task that cannot be settled must not keep exports that are over.
    try {
      await expireExports();
    } finally {
      await settleRepetitions();
    }
  }
}
