import {
  ActivityFailure,
  ApplicationFailure,
  continueAsNew,
  defineSignal,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { NotificationActivities } from '../activities/notifications/notification-activities.ts';
import { NOTIFY_SIGNAL, siblingQueues } from './contract.ts';
import type { DeliverNotificationsInput, DeliveryRetry } from './contract.ts';

/** Tells one receiver all that is to be told of one Task, one after the other; what cannot be told is laid aside. */
export async function deliverNotifications(input: DeliverNotificationsInput): Promise<void> {
  let isOneMore = true;
  setHandler(defineSignal(NOTIFY_SIGNAL), () => {
    isOneMore = true;
  });
  const { deliverNotification } = deliveries(input.retry);
  const { nextNotification, giveUpNotification } = bookkeeping();
  const { retry: _retry, ...lane } = input;
  while (isOneMore) {
    isOneMore = false;
    for (let id = await nextNotification(lane); id !== null; id = await nextNotification(lane)) {
      try {
        await deliverNotification.executeWithOptions({ summary: `${lane.channel} ${lane.receiver}` }, [id]);
      } catch (error) {
        if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
        const reason = error.cause instanceof ApplicationFailure ? error.cause.type : 'no answer in time';
        setCurrentDetails(`Laid aside: ${reason ?? ''}`);
        await giveUpNotification(id);
      }
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof deliverNotifications>(input);
    }
  }
}

function deliveries({ initialMs, maximumMs, attempts }: DeliveryRetry) {
  return proxyActivities<Pick<NotificationActivities, 'deliverNotification'>>({
    taskQueue: siblingQueues(workflowInfo().taskQueue).peer,
    startToCloseTimeout: '1m',
    retry: { initialInterval: initialMs, maximumInterval: maximumMs, maximumAttempts: attempts },
  });
}

/** Without an end: nothing can go on without Postgres. */
function bookkeeping() {
  return proxyActivities<Pick<NotificationActivities, 'nextNotification' | 'giveUpNotification'>>({
    taskQueue: siblingQueues(workflowInfo().taskQueue).peer,
    startToCloseTimeout: '30s',
    retry: { initialInterval: '1s', maximumInterval: '1m' },
  });
}
