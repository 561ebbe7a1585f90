import { createHash, timingSafeEqual } from 'node:crypto';
import { Router } from 'express';
import type { Request } from 'express';
import { z } from 'zod';
import { ADD_PAYER_CODE, readAddPayerTask } from '../../fhir/add-payer-task.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { isMailAddress, mailsOf, memberValues } from '../../fhir/notification.ts';
import type { MailValues } from '../../fhir/notification.ts';
import { headerOf, readSubscription } from '../../fhir/subscription.ts';
import type { MailToSend, NotificationStore } from '../../store/notifications.ts';
import type { Lane } from '../../store/outbox.ts';
import type { SubscriptionStore } from '../../store/subscriptions.ts';
import { bodyJson, bodyText, readBody } from '../body.ts';

export interface TaskHookDeps {
  /** Of the Subscription that calls here. */
  readonly subscriptionId: string;
  readonly subscriptions: Pick<SubscriptionStore, 'read'>;
  readonly notifications: Pick<NotificationStore, 'addMail'>;
  /** Undefined where no mail goes out. */
  readonly administrators: readonly string[] | undefined;
  readonly payerName: (taskId: string) => Promise<string>;
  readonly baseUrl: string;
  readonly deliver: (lane: Lane) => Promise<void>;
}

const coding = z.looseObject({ code: z.string().optional() });
const concept = z.looseObject({ coding: z.array(coding).default([]) });
const toldTask = z.looseObject({
  resourceType: z.literal('Task'),
  id: z.string(),
  meta: z.looseObject({ versionId: z.string().regex(/^\d+$/).transform(Number) }),
  status: z.string(),
  code: concept,
  statusReason: concept.optional(),
});
type ToldTask = z.infer<typeof toldTask>;

/** `PUT /notifications/Task/<id>`: where the Subscription that is seeded brings events on Tasks; they become mail. */
export function taskHookRouter(deps: TaskHookDeps): Router {
  const router = Router();
  router.put('/notifications/Task/:id', ...readBody(), async (req: Request<{ id: string }>, res) => {
    await assertCaller(deps, req);
    const told = toldTask.safeParse(bodyJson(req));
    if (!told.success || told.data.id !== req.params.id) throw new ExchangeError('request-invalid');
    const mails = await mailsFor(deps, told.data, bodyText(req));
    const lanes = await deps.notifications.addMail(told.data.id, told.data.meta.versionId, mails);
    await Promise.all(lanes.map(deps.deliver));
    res.status(200).end();
  });
  return router;
}

/** @throws ExchangeError `unauthenticated` unless the request has the header that the Subscription sends */
async function assertCaller({ subscriptions, subscriptionId }: TaskHookDeps, req: Request): Promise<void> {
  const subscription = await subscriptions.read(subscriptionId);
  const headers = subscription === undefined ? [] : readSubscription(subscription.text).headers.map(headerOf);
  const expected = headers.find(([name]) => name === 'authorization')?.[1];
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const sent = req.get('authorization') ?? '';
  if (expected === undefined || !timingSafeEqual(digest(expected), digest(sent))) {
    throw new ExchangeError('unauthenticated');
  }
}

async function mailsFor(deps: TaskHookDeps, task: ToldTask, text: string): Promise<readonly MailToSend[]> {
  const { administrators, baseUrl } = deps;
  const isAddPayer = task.code.coding.some(({ code }) => code === ADD_PAYER_CODE);
  const mails = mailsOf({ code: isAddPayer ? ADD_PAYER_CODE : '', status: task.status });
  if (administrators === undefined || mails.length === 0) return [];
  const of: MailValues = isAddPayer
    ? memberValues(readAddPayerTask(text))
    : { payerName: await deps.payerName(task.id) };
  const values = {
    ...{ taskId: task.id, status: task.status, link: `${baseUrl}/Task/${task.id}` },
    reasonCode: task.statusReason?.coding[0]?.code ?? '',
    ...of,
  };
  const member = of.memberEmail !== undefined && isMailAddress(of.memberEmail) ? [of.memberEmail] : [];
  return mails.flatMap(({ kind, to }) =>
    (to === 'member' ? member : administrators).map((address) => ({
      receiver: to === 'member' ? 'member' : administratorOf(address),
      mail: { kind, to: address, values },
    })),
  );
}

/** Ids of runs and rows are not to hold addresses. */
const administratorOf = (address: string): string =>
  `administrator-${createHash('sha256').update(address).digest('hex').slice(0, 12)}`;
