import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { keptMail, mailText } from '../../fhir/notification.ts';
import { headerOf, readSubscription, SUBSCRIPTION_PAYLOAD } from '../../fhir/subscription.ts';
import { NotificationError } from '../../peer/notification-error.ts';
import type { Notification } from '../../store/notifications.ts';
import type { NotificationDeps } from './deps.ts';

/** One try. A try whose success could not be written is made again: a receiver may be told twice, never not at all. */
export function deliverNotification(deps: NotificationDeps) {
  const { notifications, subscriptions } = deps;
  return async (id: string): Promise<void> => {
    const notification = await notifications.read(id);
    if (notification?.state !== 'pending') return;
    try {
      await (notification.channel === 'mail' ? sendMail(deps, id) : callHook(deps, notification));
    } catch (error) {
      const answer = error instanceof NotificationError ? error.answer : undefined;
      if (error instanceof ExchangeError) await notifications.countTry(id, { code: error.code, answer });
      throw error;
    }
    await notifications.countTry(id);
    await notifications.settle(id, 'delivered');
    if (notification.channel === 'rest-hook') await subscriptions.settle(notification.receiver, 'active');
  };
}

async function sendMail({ notifications, mailer, templates }: NotificationDeps, id: string): Promise<void> {
  const content = await notifications.content(id);
  if (mailer === undefined || content === undefined) throw new NotificationError('notification-refused', undefined);
  const { kind, to, values } = keptMail.parse(JSON.parse(content));
  await mailer.send({ id, to, ...mailText(templates, kind, values) });
}

/** R4, Subscription, rest-hook: with a payload an update below the endpoint, else a POST of nothing to it. */
async function callHook({ notifications, subscriptions, hook }: NotificationDeps, told: Notification): Promise<void> {
  const subscription = await subscriptions.read(told.receiver);
  if (subscription === undefined || subscription.status === 'off') {
    throw new NotificationError('notification-refused', undefined);
  }
  const { endpoint, headers } = readSubscription(subscription.text);
  const body = await notifications.content(told.id);
  const own = Object.fromEntries(headers.map(headerOf));
  const status = await hook.send({
    url: body === undefined ? endpoint : taskUrl(endpoint, told.taskId),
    method: body === undefined ? 'POST' : 'PUT',
    headers: { 'user-agent': 'carryover', ...own, ...(body !== undefined && { 'content-type': SUBSCRIPTION_PAYLOAD }) },
    body,
    signal: cancellationSignal(),
  });
  if (status < 200 || status > 299) throw new NotificationError('notification-failed', status);
}

function taskUrl(endpoint: string, taskId: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/Task/${taskId}`;
  return url.href;
}
