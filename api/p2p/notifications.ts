import { Router } from 'express';
import { z } from 'zod';
import { NOTIFICATION_STATES } from '../../store/notifications.ts';
import type { Notification, NotificationStore } from '../../store/notifications.ts';
import { CHANNELS } from '../../store/outbox.ts';
import type { Lane } from '../../store/outbox.ts';
import { jsonSchema } from './definition-part.ts';
import { COMMON_ERRORS } from './definition-paths.ts';
import { readInput } from './p2p-error.ts';
import type { Json, P2pPart } from './part.ts';

export interface NotificationsDeps {
  readonly notifications: NotificationStore;
  readonly deliver: (lane: Lane) => Promise<void>;
}

const MOST = 1000;

const query = z.strictObject({
  state: z.enum(NOTIFICATION_STATES).optional(),
  task: z.string().min(1).optional(),
  after: z.string().min(1).optional(),
  count: z.coerce.number().int().min(1).max(MOST).default(100),
});

/** Ids, times and codes: neither an address nor what is sent. */
const notification = z.strictObject({
  id: z.string(),
  taskId: z.string(),
  taskVersion: z.int(),
  channel: z.enum(CHANNELS),
  /** Id of the Subscription, `member`, or which administrator. */
  receiver: z.string(),
  state: z.enum(NOTIFICATION_STATES),
  attempts: z.int(),
  /** Of docs/errors.md: why the last try failed. */
  code: z.string().nullable(),
  /** What the receiver answered to it: an HTTP status, or an SMTP reply code. */
  answer: z.int().nullable(),
  createdAt: z.iso.datetime(),
  settledAt: z.iso.datetime().nullable(),
});
const list = z.strictObject({ notifications: z.array(notification), next: z.string().nullable() });

/** `/api/notifications`: what was told of Tasks, and what could not be (dead letters), to be sent again or dropped. */
export function notificationsPart({ notifications, deliver }: NotificationsDeps): P2pPart {
  const router = Router();
  router.get('/api/notifications', async (req, res) => {
    const { state, task: taskId, after, count } = readInput(query, req.query);
    const found = await notifications.list({ state, taskId, after, count });
    const next = found.length < count ? null : (found.at(-1)?.id ?? null);
    res.json({ notifications: found.map(shown), next });
  });
  router.post('/api/notifications/:id/send_again', async (req, res) => {
    const again = await notifications.sendAgain(req.params.id);
    await deliver(again);
    res.status(202).json(shown(again));
  });
  router.delete('/api/notifications/:id', async (req, res) => {
    await notifications.drop(req.params.id);
    res.status(204).end();
  });
  return { router, paths: PATHS, schemas: { Notification: jsonSchema(notification, 'output') } };
}

function shown(each: Notification): z.infer<typeof notification> {
  const { id, taskId, taskVersion, channel, receiver, state, attempts, code, answer, createdAt, settledAt } = each;
  return {
    ...{ id, taskId, taskVersion, channel, receiver, state, attempts },
    ...{ code: code ?? null, answer: answer ?? null },
    ...{ createdAt: createdAt.toISOString(), settledAt: settledAt?.toISOString() ?? null },
  };
}

const answer = (description: string, schema: Json): Json => ({
  description,
  content: { 'application/json': { schema } },
});
const parameter = (name: string, description: string, schema: Json = { type: 'string' }): Json => ({
  ...{ name, in: 'query', description, schema },
});
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const tags = ['/api/notifications'];
const notFailed = {
  '404': answer('There is none of this id', ref('Error')),
  '409': answer('It has not failed', ref('Error')),
  ...COMMON_ERRORS,
};

const PATHS: Readonly<Record<string, Json>> = {
  '/api/notifications': {
    description: 'Events on Tasks, for Subscriptions and by mail.',
    get: {
      ...{ operationId: 'listNotifications', summary: 'Those of a state, of a Task, or all, newest first', tags },
      parameters: [
        parameter('state', 'how they stand', { type: 'string', enum: NOTIFICATION_STATES }),
        parameter('task', 'id of the Task'),
        parameter('after', '`next` of the page before'),
        parameter('count', 'notifications in one page', { type: 'integer', minimum: 1, maximum: MOST }),
      ],
      responses: {
        '200': answer('One page', jsonSchema(list, 'output')),
        '400': answer('A parameter is wrong', ref('Error')),
        ...COMMON_ERRORS,
      },
    },
  },
  '/api/notifications/{id}': {
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    delete: {
      ...{ operationId: 'dropNotification', summary: 'Drop one that failed', tags },
      responses: { '204': { description: 'Dropped' }, ...notFailed },
    },
  },
  '/api/notifications/{id}/send_again': {
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    post: {
      ...{ operationId: 'sendNotificationAgain', summary: 'Send one again that failed', tags },
      responses: { '202': answer('It is tried again', ref('Notification')), ...notFailed },
    },
  },
};
