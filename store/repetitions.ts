import type { Prisma, PrismaClient, Repetition as Row } from '../prisma/generated/client.ts';
import { nextSince } from '../fhir/increments.ts';
import type { Every } from '../fhir/repetition.ts';
import type { Seal } from '../seal.ts';
import type { ExchangeRequest } from './exchanges.ts';

/** An exchange that is repeated on a schedule, by the Task of the first one. */
export interface Repetition {
  readonly taskId: string;
  readonly every: Every;
  /** The last instant at which it is repeated. */
  readonly until: Date | undefined;
  /** Repetitions count from here. */
  readonly createdAt: Date;
  readonly endedAt: Date | undefined;
  /** Grows with every change. */
  readonly version: number;
}

export interface RepetitionStore {
  /** Begins, or replaces, the repetition of an exchange. */
  put(taskId: string, repetition: Pick<Repetition, 'every' | 'until'>): Promise<void>;
  /** Ends it; nothing where it is not repeated. */
  end(taskId: string): Promise<void>;
  /** Ends those whose last instant has passed. */
  endPassed(now: Date): Promise<void>;
  read(taskId: string): Promise<Repetition | undefined>;
  /** Those that have not ended. */
  going(): Promise<readonly string[]>;
  /** Those whose schedule in Temporal may not be as their row is, oldest first. */
  unsettled(limit: number): Promise<readonly string[]>;
  /** Notes that the schedule is as the row was at this version; false where the row has changed since. */
  settle(taskId: string, version: number): Promise<boolean>;
  unsettle(taskIds: readonly string[]): Promise<void>;
  /** True where an exchange of this id has been opened. */
  isOpened(exchangeId: string): Promise<boolean>;
  /** True while the exchange of this Task, or a repetition of it, has not ended. */
  isRunning(taskId: string): Promise<boolean>;
  /** `fhir/increments.ts` over the completed exchanges with this payer for this member. */
  lastTransactionTime(payerPid: number, localPatientId: string, asked: ExchangeRequest): Promise<string | undefined>;
}

export function createRepetitionStore(prisma: PrismaClient, seal: Seal): RepetitionStore {
  const end = async (where: Prisma.RepetitionWhereInput, endedAt: Date): Promise<void> => {
    await prisma.repetition.updateMany({
      where: { ...where, endedAt: null },
      data: { endedAt, version: { increment: 1 } },
    });
  };
  return {
    async put(taskId, { every, until }) {
      const values = {
        ...{ everyMonths: every.months, everyDays: every.days, until: until ?? null },
        ...{ createdAt: new Date(), endedAt: null },
      };
      await prisma.repetition.upsert({
        where: { taskId },
        create: { taskId, ...values },
        update: { ...values, version: { increment: 1 } },
      });
    },
    end: (taskId) => end({ taskId }, new Date()),
    endPassed: (now) => end({ until: { lt: now } }, now),
    async read(taskId) {
      const row = await prisma.repetition.findUnique({ where: { taskId } });
      return row === null ? undefined : toRepetition(row);
    },
    async going() {
      const rows = await prisma.repetition.findMany({ where: { endedAt: null }, select: { taskId: true } });
      return rows.map((row) => row.taskId);
    },
    async unsettled(limit) {
      const rows = await prisma.repetition.findMany({
        where: { settledVersion: { lt: prisma.repetition.fields.version } },
        orderBy: { createdAt: 'asc' },
        take: limit,
        select: { taskId: true },
      });
      return rows.map((row) => row.taskId);
    },
    async settle(taskId, version) {
      const { count } = await prisma.repetition.updateMany({
        where: { taskId, version },
        data: { settledVersion: version },
      });
      return count === 1;
    },
    async unsettle(taskIds) {
      await prisma.repetition.updateMany({ where: { taskId: { in: [...taskIds] } }, data: { settledVersion: 0 } });
    },
    isOpened: async (id) => (await prisma.exchange.count({ where: { id } })) > 0,
    async isRunning(taskId) {
      const repeated = await prisma.task.findMany({ where: { basedOn: taskId }, select: { id: true } });
      const ids = [taskId, ...repeated.map(({ id }) => id)];
      return (await prisma.exchange.count({ where: { id: { in: ids }, active: true } })) > 0;
    },
    async lastTransactionTime(payerPid, localPatientId, asked) {
      const rows = await prisma.exchange.findMany({
        where: { payerPid, localPatientId, publishedAt: { not: null }, transactionTime: { not: null } },
        orderBy: { publishedAt: 'asc' },
        select: { request: true, transactionTime: true },
      });
      const finished = rows.map(({ request, transactionTime }) => ({
        // Sealed by us, so its shape is the one that was written.
        ...(seal.openJson(request) as ExchangeRequest),
        transactionTime: transactionTime?.toISOString() ?? '',
      }));
      return nextSince(finished, asked);
    },
  };
}

function toRepetition(row: Row): Repetition {
  return {
    taskId: row.taskId,
    every: { months: row.everyMonths, days: row.everyDays },
    until: row.until ?? undefined,
    createdAt: row.createdAt,
    endedAt: row.endedAt ?? undefined,
    version: row.version,
  };
}
