import type { Lane } from '../../store/outbox.ts';
import { deliverNotification } from './deliver.ts';
import type { NotificationDeps } from './deps.ts';
import { sweepNotifications } from './sweep.ts';

export function createNotificationActivities(deps: NotificationDeps) {
  const { notifications, subscriptions } = deps;
  return {
    deliverNotification: deliverNotification(deps),
    nextNotification: async (lane: Lane): Promise<string | null> => (await notifications.next(lane)) ?? null,
    /** Lays it aside for the operator (dead letter). */
    async giveUpNotification(id: string): Promise<void> {
      const notification = await notifications.read(id);
      if (notification?.state !== 'pending') return;
      await notifications.settle(id, 'failed');
      if (notification.channel === 'rest-hook') await subscriptions.settle(notification.receiver, 'error');
    },
    sweepNotifications: () => sweepNotifications(deps),
  };
}

export type NotificationActivities = ReturnType<typeof createNotificationActivities>;
