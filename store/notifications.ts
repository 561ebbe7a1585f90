import { randomUUID } from 'node:crypto';
import type { Notification as Row, PrismaClient } from '../prisma/generated/client.ts';
import { ExchangeError, isErrorCode } from '../fhir/errors.ts';
import type { ErrorCode } from '../fhir/errors.ts';
import type { KeptMail } from '../fhir/notification.ts';
import type { Seal } from '../seal.ts';
import type { Channel, Lane } from './outbox.ts';

export const NOTIFICATION_STATES = ['pending', 'delivered', 'failed'] as const;
export type NotificationState = (typeof NOTIFICATION_STATES)[number];

/** One thing to be told of one version of a Task to one receiver; what is sent is left out. */
export interface Notification extends Lane {
  readonly id: string;
  readonly taskVersion: number;
  readonly state: NotificationState;
  /** Tries since it was written, or sent again. */
  readonly attempts: number;
  /** Of the last try that failed: why, and the status that the receiver answered. */
  readonly code: ErrorCode | undefined;
  readonly answer: number | undefined;
  readonly createdAt: Date;
  readonly settledAt: Date | undefined;
}

export interface NotificationQuery {
  readonly state?: NotificationState | undefined;
  readonly taskId?: string | undefined;
  /** Id of the last one of the page before. */
  readonly after?: string | undefined;
  readonly count: number;
}

export interface MailToSend {
  readonly receiver: string;
  readonly mail: KeptMail;
}

export interface NotificationStore {
  read(id: string): Promise<Notification | undefined>;
  /** What is sent: JSON of the Task, or of the mail; undefined for an empty event. */
  content(id: string): Promise<string | undefined>;
  /** The oldest of the lane that is pending. */
  next(lane: Lane): Promise<string | undefined>;
  /** Writes mail for an event, each receiver's once, however often the event arrives; answers the lanes. */
  addMail(taskId: string, taskVersion: number, mails: readonly MailToSend[]): Promise<readonly Lane[]>;
  countTry(id: string, failure?: { readonly code: ErrorCode; readonly answer: number | undefined }): Promise<void>;
  /** Only a pending one; what was sent is forgotten when it has been delivered. */
  settle(id: string, state: 'delivered' | 'failed'): Promise<void>;
  /** Newest first, one page. */
  list(query: NotificationQuery): Promise<readonly Notification[]>;
  /** Makes a failed one pending anew. @throws ExchangeError `not-found`, `conflict` where it has not failed */
  sendAgain(id: string): Promise<Notification>;
  /** Gives a failed one up for good. @throws ExchangeError as `sendAgain` */
  drop(id: string): Promise<void>;
  /** Lanes with something pending that was written before the instant. */
  waiting(before: Date, limit: number, offset: number): Promise<readonly Lane[]>;
  /** Forgets those that were delivered before the instant. */
  forget(before: Date): Promise<void>;
}

export function createNotificationStore(prisma: PrismaClient, seal: Seal): NotificationStore {
  const find = (id: string) => prisma.notification.findUnique({ where: { id } });
  const notFailed = async (id: string): Promise<never> => {
    if ((await find(id)) === null) throw new ExchangeError('not-found');
    throw new ExchangeError('conflict', { diagnostics: 'Only a notification that failed.' });
  };
  return {
    async read(id) {
      const row = await find(id);
      return row === null ? undefined : toNotification(row);
    },
    async content(id) {
      const row = await prisma.notification.findUnique({ where: { id }, select: { content: true } });
      return row?.content ? Buffer.from(seal.open(row.content)).toString('utf8') : undefined;
    },
    async next(lane) {
      const row = await prisma.notification.findFirst({
        where: { ...laneOf(lane), state: 'pending' },
        orderBy: { sequence: 'asc' },
        select: { id: true },
      });
      return row?.id;
    },
    async addMail(taskId, taskVersion, mails) {
      const lane = { taskId, channel: 'mail' as const };
      await prisma.notification.createMany({
        data: mails.map(({ receiver, mail }) => ({
          ...{ ...lane, receiver, id: randomUUID(), taskVersion },
          content: seal.sealJson(mail),
        })),
        skipDuplicates: true,
      });
      return mails.map(({ receiver }) => ({ ...lane, receiver }));
    },
    async countTry(id, failure) {
      await prisma.notification.updateMany({
        where: { id },
        data: {
          attempts: { increment: 1 },
          ...(failure && { code: failure.code, answer: failure.answer ?? null }),
        },
      });
    },
    async settle(id, state) {
      await prisma.notification.updateMany({
        where: { id, state: 'pending' },
        data: {
          state,
          settledAt: new Date(),
          ...(state === 'delivered' && { content: null, code: null, answer: null }),
        },
      });
    },
    async list({ state, taskId, after, count }) {
      const before = after === undefined ? undefined : ((await find(after))?.sequence ?? 0n);
      const rows = await prisma.notification.findMany({
        where: {
          ...(state !== undefined && { state }),
          ...(taskId !== undefined && { taskId }),
          ...(before !== undefined && { sequence: { lt: before } }),
        },
        orderBy: { sequence: 'desc' },
        take: count,
      });
      return rows.map(toNotification);
    },
    async sendAgain(id) {
      const { count } = await prisma.notification.updateMany({
        where: { id, state: 'failed' },
        data: { state: 'pending', attempts: 0, settledAt: null },
      });
      const row = count === 1 ? await find(id) : null;
      return row === null ? notFailed(id) : toNotification(row);
    },
    async drop(id) {
      const { count } = await prisma.notification.deleteMany({ where: { id, state: 'failed' } });
      if (count === 0) await notFailed(id);
    },
    async waiting(before, limit, offset) {
      const rows = await prisma.notification.groupBy({
        by: ['taskId', 'channel', 'receiver'],
        where: { state: 'pending', createdAt: { lt: before } },
        orderBy: [{ taskId: 'asc' }, { channel: 'asc' }, { receiver: 'asc' }],
        ...{ take: limit, skip: offset },
      });
      return rows.map(laneOf);
    },
    async forget(before) {
      await prisma.notification.deleteMany({ where: { state: 'delivered', settledAt: { lt: before } } });
    },
  };
}

const laneOf = ({ taskId, channel, receiver }: Pick<Row, 'taskId' | 'channel' | 'receiver'>): Lane => ({
  // Written by us alone.
  ...{ taskId, channel: channel as Channel, receiver },
});

function toNotification(row: Row): Notification {
  return {
    ...laneOf(row),
    id: row.id,
    taskVersion: row.taskVersion,
    state: row.state as NotificationState,
    attempts: row.attempts,
    code: row.code !== null && isErrorCode(row.code) ? row.code : undefined,
    answer: row.answer ?? undefined,
    createdAt: row.createdAt,
    settledAt: row.settledAt ?? undefined,
  };
}
