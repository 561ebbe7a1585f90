import { eventually } from './eventually.ts';
import type { Answer, TestPayer } from './payer.ts';

/** One row of `/api/notifications`. */
export interface ShownNotification {
  readonly id: string;
  readonly taskId: string;
  readonly channel: string;
  readonly receiver: string;
  readonly state: string;
  readonly attempts: number;
  readonly code: string | null;
  readonly answer: number | null;
}

export async function notificationsOf(payer: TestPayer, query: string): Promise<readonly ShownNotification[]> {
  const answer = await payer.ask('GET', `${payer.p2pUrl}/api/notifications?${query}`);
  return answer.json<{ notifications: ShownNotification[] }>().notifications;
}

/** Waits until that many notifications of a Task to a receiver stand so, the oldest first. */
export function settled(
  payer: TestPayer,
  { taskId, receiver, state, count = 1 }: { taskId: string; receiver: RegExp; state: string; count?: number },
): Promise<readonly ShownNotification[]> {
  return eventually(async () => {
    const all = await notificationsOf(payer, `task=${taskId}&state=${state}`);
    const found = all.filter((each) => receiver.test(each.receiver)).reverse();
    return found.length >= count ? found : undefined;
  }, `a notification is ${state}`);
}

export const sendAgain = (payer: TestPayer, id: string): Promise<Answer> =>
  payer.ask('POST', `${payer.p2pUrl}/api/notifications/${id}/send_again`);

export function subscription(endpoint: string, more: object = {}, channel: object = {}): object {
  return {
    ...{ resourceType: 'Subscription', status: 'requested', reason: 'test' },
    criteria: 'Task?code=p2p-request-add-provider-id',
    channel: { type: 'rest-hook', endpoint, payload: 'application/fhir+json', ...channel },
    ...more,
  };
}

/** Quick enough for tests. */
export const QUICK_NOTIFICATIONS = { attempts: 4, firstWaitSeconds: 0.05, longestWaitSeconds: 0.2 };
