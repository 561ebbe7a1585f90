import { randomBytes } from 'node:crypto';
import { withFailures } from '../activities/failures.ts';
import type { FailureObserver } from '../activities/failures.ts';
import { createNotificationActivities } from '../activities/notifications/notification-activities.ts';
import type { NotificationActivities } from '../activities/notifications/notification-activities.ts';
import type { Config } from '../config.ts';
import { ExchangeError } from '../fhir/errors.ts';
import { readSubscription, SUBSCRIPTION_PAYLOAD } from '../fhir/subscription.ts';
import type { Logger } from '../logger.ts';
import { createMailer } from '../peer/mail.ts';
import type { Mailer } from '../peer/mail.ts';
import { createRestHook } from '../peer/rest-hook.ts';
import type { RestHook } from '../peer/rest-hook.ts';
import type { PrismaClient } from '../prisma/generated/client.ts';
import type { Seal } from '../seal.ts';
import { createNotificationStore } from '../store/notifications.ts';
import type { NotificationStore } from '../store/notifications.ts';
import { createOutbox } from '../store/outbox.ts';
import type { Lane, Outbox } from '../store/outbox.ts';
import { createSubscriptionStore } from '../store/subscriptions.ts';
import type { SubscriptionStore } from '../store/subscriptions.ts';
import type { TemporalClient } from '../temporal/client.ts';
import { createNotificationRuns } from '../temporal/notifications.ts';
import type { NotificationRuns } from '../temporal/notifications.ts';
import type { TaskQueues } from '../workflows/contract.ts';
import type { Wiring } from './wiring.ts';

export interface NotificationParts {
  readonly notifications: NotificationStore;
  readonly subscriptions: SubscriptionStore;
  readonly runs: NotificationRuns;
  /** As `runs.deliver`, except that what cannot be started now is left to the sweep. */
  readonly deliver: (lane: Lane) => Promise<void>;
  readonly outbox: Outbox;
  readonly hook: RestHook;
  readonly mailer: Mailer | undefined;
  close(): Promise<void>;
}

interface Needed {
  readonly config: Config;
  readonly prisma: PrismaClient;
  readonly seal: Seal;
  readonly temporal: TemporalClient;
  readonly queues: TaskQueues;
  readonly logger: Logger;
}

/** The Subscription that every payer has: events that become mail. */
export const MAIL_SUBSCRIPTION = 'task-mail';
const SECOND = 1000;

export function notificationParts({ config, prisma, seal, temporal, queues, logger }: Needed): NotificationParts {
  const { attempts, firstWaitSeconds, longestWaitSeconds, privateHosts } = config.file.notifications;
  const retry = { attempts, initialMs: firstWaitSeconds * SECOND, maximumMs: longestWaitSeconds * SECOND };
  const runs = createNotificationRuns(temporal.client, queues, retry);
  const deliver = async (lane: Lane): Promise<void> => {
    try {
      await runs.deliver(lane);
    } catch (error) {
      logger.warn('notification-not-started', { taskId: lane.taskId, error });
    }
  };
  const hook = createRestHook({ privateHosts: [hostOf(config.p2pUrl), ...privateHosts] });
  const mailer = config.mail && createMailer(config.mail);
  return {
    notifications: createNotificationStore(prisma, seal),
    subscriptions: createSubscriptionStore(prisma, seal),
    outbox: createOutbox(seal, deliver),
    ...{ runs, deliver, hook, mailer },
    async close() {
      mailer?.close();
      await hook.close();
    },
  };
}

/** At each start: the Subscription is there, and leads to our own P2P port; what an operator changed in it stays. */
export async function seedSubscription({ config, notification }: Pick<Wiring, 'config' | 'notification'>) {
  const { subscriptions } = notification;
  const endpoint = `${config.p2pUrl}/notifications`;
  const present = await subscriptions.read(MAIL_SUBSCRIPTION);
  if (present === undefined) {
    try {
      await subscriptions.create(MAIL_SUBSCRIPTION, seededText(endpoint));
    } catch (error) {
      // Another part of this payer starts at this moment.
      if (!(error instanceof ExchangeError && error.code === 'conflict')) throw error;
    }
    return;
  }
  if (readSubscription(present.text).endpoint === endpoint) return;
  const { channel, ...rest } = JSON.parse(present.text) as { channel: object };
  const moved = JSON.stringify({ ...rest, channel: { ...channel, endpoint } });
  try {
    await subscriptions.update(MAIL_SUBSCRIPTION, present.version, moved);
  } catch (error) {
    if (!(error instanceof ExchangeError && error.code === 'version-conflict')) throw error;
  }
}

function seededText(endpoint: string): string {
  return JSON.stringify({
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'Mail to administrators and members',
    criteria: 'Task?status=requested,completed,failed',
    channel: {
      ...{ type: 'rest-hook', endpoint, payload: SUBSCRIPTION_PAYLOAD },
      header: [`Authorization: Bearer ${randomBytes(32).toString('base64url')}`],
    },
  });
}

export function notificationActivities(wiring: Wiring, observe: FailureObserver): NotificationActivities {
  const { config, notification } = wiring;
  const { notifications, subscriptions, hook, mailer, runs } = notification;
  const deps = { notifications, subscriptions, hook, mailer, resume: runs.resume.bind(runs) };
  const { mails: templates } = config.file.notifications;
  return withFailures(createNotificationActivities({ ...deps, templates }), observe);
}

function hostOf(url: string): string {
  const { host, port, protocol } = new URL(url);
  return port === '' ? `${host}:${protocol === 'https:' ? '443' : '80'}` : host;
}
