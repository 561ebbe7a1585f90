import { randomUUID } from 'node:crypto';
import type { Prisma } from '../prisma/generated/client.ts';
import { readTaskCriteria } from '../fhir/task-criteria.ts';
import { taskText } from '../fhir/task-text.ts';
import type { TaskState } from '../fhir/task.ts';
import type { Seal } from '../seal.ts';

/** What is told of one Task to one receiver goes out in its order. */
export interface Lane {
  readonly taskId: string;
  readonly channel: Channel;
  /** Id of the Subscription, or which receiver of mail. */
  readonly receiver: string;
}

export const CHANNELS = ['rest-hook', 'mail'] as const;
export type Channel = (typeof CHANNELS)[number];

/** What is to be told of a Task is written with its new version: lost with it, or there with it. */
export interface Outbox {
  /** In the transaction that writes the Task: one notification for each Subscription that the new version fulfils. */
  add(transaction: Prisma.TransactionClient, task: TaskState): Promise<readonly Lane[]>;
  /** When that has been committed: delivers at once, instead of with the next sweep. */
  announce(lanes: readonly Lane[]): Promise<void>;
}

/** @param deliver starts the delivery of a lane; where it cannot, the sweep does */
export function createOutbox(seal: Seal, deliver: (lane: Lane) => Promise<void>): Outbox {
  return {
    async add(transaction, task) {
      const now = new Date(task.lastModified);
      const subscriptions = await transaction.subscription.findMany({
        where: { status: { not: 'off' }, OR: [{ endAt: null }, { endAt: { gt: now } }] },
        select: { id: true, criteria: true, hasPayload: true },
      });
      const fulfilled = subscriptions.filter(({ criteria }) => readTaskCriteria(criteria)(task));
      if (fulfilled.length === 0) return [];
      const text = taskText(task);
      const lane = { taskId: task.id, channel: 'rest-hook' as const };
      await transaction.notification.createMany({
        data: fulfilled.map(({ id, hasPayload }) => ({
          ...{ ...lane, id: randomUUID(), taskVersion: task.version, receiver: id },
          content: hasPayload ? seal.seal(Buffer.from(text, 'utf8')) : null,
        })),
      });
      return fulfilled.map(({ id }) => ({ ...lane, receiver: id }));
    },
    async announce(lanes) {
      await Promise.all(lanes.map(deliver));
    },
  };
}
