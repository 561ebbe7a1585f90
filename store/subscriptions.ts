import type { Prisma, PrismaClient, Subscription as Row } from '../prisma/generated/client.ts';
import { ExchangeError } from '../fhir/errors.ts';
import { readSubscription } from '../fhir/subscription.ts';
import type { SubscriptionState } from '../fhir/subscription.ts';
import type { Seal } from '../seal.ts';
import { written } from './sealed-definition.ts';

/** A Subscription with its text as it was posted, secrets of headers included. */
export interface StoredSubscription extends SubscriptionState {
  readonly criteria: string;
  readonly text: string;
}

export interface SubscriptionSearch {
  readonly ids?: readonly string[];
  readonly statuses?: readonly string[];
  readonly criteria?: string;
}

export interface SubscriptionStore {
  read(id: string): Promise<StoredSubscription | undefined>;
  /** By id. */
  search(search: SubscriptionSearch): Promise<readonly StoredSubscription[]>;
  /** @throws ExchangeError `conflict` where there is one of this id */
  create(id: string, text: string): Promise<StoredSubscription>;
  /** @throws ExchangeError `version-conflict` where it has another version by now */
  update(id: string, version: number, text: string): Promise<StoredSubscription>;
  /** With all that was still to be told; false where there is none. */
  remove(id: string): Promise<boolean>;
  /** What the last delivery says of it; one that is off stays so. */
  settle(id: string, status: 'active' | 'error'): Promise<void>;
}

export function createSubscriptionStore(prisma: PrismaClient, seal: Seal): SubscriptionStore {
  const columns = (text: string) => {
    const { status, criteria, hasPayload, end } = readSubscription(text);
    const endAt = end === undefined ? null : new Date(end);
    return { ...{ status, criteria, hasPayload, endAt }, resource: seal.seal(Buffer.from(text, 'utf8')) };
  };
  return {
    async read(id) {
      const row = await prisma.subscription.findUnique({ where: { id } });
      return row === null ? undefined : toStored(row, seal);
    },
    async search({ ids, statuses, criteria }) {
      const where: Prisma.SubscriptionWhereInput = {
        ...(ids && { id: { in: [...ids] } }),
        ...(criteria !== undefined && { criteria: { startsWith: criteria } }),
      };
      const rows = await prisma.subscription.findMany({ where, orderBy: { id: 'asc' } });
      return rows.map((row) => toStored(row, seal)).filter(({ status }) => statuses?.includes(status) ?? true);
    },
    async create(id, text) {
      return toStored(await written(prisma.subscription.create({ data: { id, ...columns(text) } }), 'id'), seal);
    },
    async update(id, version, text) {
      const data = { ...columns(text), version: version + 1, updatedAt: new Date() };
      const { count } = await prisma.subscription.updateMany({ where: { id, version }, data });
      if (count === 0) throw new ExchangeError('version-conflict');
      return toStored(await prisma.subscription.findUniqueOrThrow({ where: { id } }), seal);
    },
    async remove(id) {
      const [{ count }] = await prisma.$transaction([
        prisma.subscription.deleteMany({ where: { id } }),
        prisma.notification.deleteMany({ where: { channel: 'rest-hook', receiver: id } }),
      ]);
      return count === 1;
    },
    async settle(id, status) {
      await prisma.subscription.updateMany({
        where: { id, status: status === 'active' ? 'error' : 'active' },
        data: { status, version: { increment: 1 }, updatedAt: new Date() },
      });
    },
  };
}

/** One whose end has passed is off, whoever looks. */
function toStored(row: Row, seal: Seal): StoredSubscription {
  const isOver = row.endAt !== null && row.endAt <= new Date();
  return {
    ...{ id: row.id, version: row.version, criteria: row.criteria, status: isOver ? 'off' : row.status },
    lastUpdated: row.updatedAt.toISOString(),
    text: Buffer.from(seal.open(row.resource)).toString('utf8'),
  };
}
