import { randomBytes } from 'node:crypto';
import { Prisma } from '../prisma/generated/client.ts';
import type { PrismaClient } from '../prisma/generated/client.ts';
import { ADD_PAYER_CODE } from '../fhir/add-payer-task.ts';
import type { AddPayerRequest } from '../fhir/add-payer-task.ts';
import { ExchangeError } from '../fhir/errors.ts';
import type { ErrorCode } from '../fhir/errors.ts';
import type { ExchangeOutput, TaskState } from '../fhir/task.ts';
import type { Seal } from '../seal.ts';
import type { Outbox } from './outbox.ts';
import { toTaskState } from './task-row.ts';

export interface TaskChange {
  readonly status: string;
  readonly businessStatus: string;
  readonly reason?: ErrorCode;
  readonly output?: readonly ExchangeOutput[];
  /** When the step that says so was scheduled; one that was scheduled earlier changes nothing. */
  readonly orderedAt: Date;
}

/** A Task that somebody posts. */
export interface PostedTask {
  /** As it was posted. */
  readonly text: string;
  readonly request: AddPayerRequest;
  /** Of the client that posted it. */
  readonly postedBy: string;
}

export interface TaskSearch {
  readonly ids?: readonly string[];
  readonly identifiers?: readonly string[];
  /** Those that this client posted. */
  readonly postedBy?: string;
  readonly statuses?: readonly string[];
  readonly patientId?: string;
  readonly codes?: readonly string[];
  readonly lastUpdated?: readonly { readonly op: 'ge' | 'gt' | 'le' | 'lt' | 'eq'; readonly instant: Date }[];
  readonly count: number;
  /** Rows to pass over: the page before. */
  readonly offset: number;
}

export interface TaskStore {
  /** `postedBy`: another client's is not found. @throws ExchangeError `not-found` */
  read(id: string, postedBy?: string): Promise<TaskState>;
  search(search: TaskSearch): Promise<{ readonly tasks: readonly TaskState[]; readonly total: number }>;
  /** False when a newer step had been written already. An ended Task may go on: a run that an operator reset does. */
  record(id: string, change: TaskChange): Promise<boolean>;
  /**
   * Keeps a Task that was posted, once: the same one posted again by the same client is answered as it stands.
   * @throws ExchangeError `conflict` where another Task has its identifier
   */
  post(task: PostedTask): Promise<{ readonly task: TaskState; readonly existing: boolean }>;
  /** Replaces the text of a posted Task. @throws ExchangeError `version-conflict` where it has another version by now */
  replace(id: string, version: number, task: Pick<PostedTask, 'text' | 'request'>): Promise<TaskState>;
}

const OPERATORS = { ge: 'gte', gt: 'gt', le: 'lte', lt: 'lt', eq: 'equals' } as const;

export function createTaskStore(prisma: PrismaClient, seal: Seal, outbox: Outbox): TaskStore {
  /** Runs the write, and tells in its transaction what it made of the Task; undefined where it made nothing. */
  const write = async (change: (transaction: Prisma.TransactionClient) => Promise<string | undefined>) => {
    const written = await prisma.$transaction(async (transaction) => {
      const id = await change(transaction);
      if (id === undefined) return undefined;
      const task = toTaskState(await transaction.task.findUniqueOrThrow({ where: { id } }), seal);
      return { task, lanes: await outbox.add(transaction, task) };
    });
    if (written !== undefined) await outbox.announce(written.lanes);
    return written?.task;
  };
  const posted = ({ text, request }: Pick<PostedTask, 'text' | 'request'>) => ({
    ...{ status: request.status, posted: seal.seal(Buffer.from(text, 'utf8')) },
  });

  return {
    async read(id, postedBy) {
      const row = await prisma.task.findUnique({ where: { id, ...(postedBy !== undefined && { postedBy }) } });
      if (row === null) throw new ExchangeError('not-found');
      return toTaskState(row, seal);
    },

    async search({ ids, identifiers, postedBy, statuses, patientId, codes, lastUpdated, count, offset }) {
      const where: Prisma.TaskWhereInput = {
        ...(identifiers && { identifier: { in: [...identifiers] } }),
        ...(postedBy !== undefined && { postedBy }),
        ...(ids && { id: { in: [...ids] } }),
        ...(statuses && { status: { in: [...statuses] } }),
        ...(patientId !== undefined && { patientId }),
        ...(codes && { code: { in: [...codes] } }),
        ...(lastUpdated && {
          AND: lastUpdated.map(({ op, instant }) => ({ lastModified: { [OPERATORS[op]]: instant } })),
        }),
      };
      const [rows, total] = await prisma.$transaction([
        prisma.task.findMany({ where, orderBy: [{ lastModified: 'desc' }, { id: 'asc' }], skip: offset, take: count }),
        prisma.task.count({ where }),
      ]);
      return { tasks: rows.map((row) => toTaskState(row, seal)), total };
    },

    async record(id, { status, businessStatus, reason, output, orderedAt }) {
      const task = await write(async (transaction) => {
        const { count } = await transaction.task.updateMany({
          where: { id, OR: [{ orderedAt: null }, { orderedAt: { lte: orderedAt } }] },
          data: {
            ...{ status, businessStatus, orderedAt, lastModified: new Date(), version: { increment: 1 } },
            ...(reason !== undefined && { reason }),
            // Outputs are plain data by their type.
            ...(output !== undefined && { output: output as unknown as Prisma.InputJsonValue }),
          },
        });
        return count === 1 ? id : undefined;
      });
      return task !== undefined;
    },

    async post({ text, request, postedBy }) {
      const { identifier, patientId, ownerId } = request;
      const before = await prisma.task.findUnique({ where: { identifier } });
      if (before !== null)
        return { task: sameTask(toTaskState(before, seal), before.postedBy, text, postedBy), existing: true };
      const id = `p2p-task-${randomBytes(16).toString('hex')}`;
      const data = { ...{ id, identifier, patientId, ownerId, postedBy }, ...posted({ text, request }) };
      try {
        await write(async (transaction) => {
          await transaction.task.create({ data: { ...data, code: ADD_PAYER_CODE, businessStatus: 'queued' } });
          return id;
        });
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        // Two posts at once: the unique identifier let the other one in.
        return this.post({ text, request, postedBy });
      }
      return { task: await this.read(id), existing: false };
    },

    async replace(id, version, task) {
      const replaced = await write(async (transaction) => {
        const { count } = await transaction.task.updateMany({
          where: { id, version },
          data: { ...posted(task), lastModified: new Date(), version: { increment: 1 } },
        });
        return count === 1 ? id : undefined;
      });
      if (replaced === undefined) throw new ExchangeError('version-conflict');
      return replaced;
    },
  };
}

const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';

/** @throws ExchangeError `conflict` where it is another Task, or another client's */
function sameTask(task: TaskState, owner: string | null, text: string, postedBy: string): TaskState {
  if (owner === postedBy && (task.version > 1 || task.posted === text)) return task;
  throw new ExchangeError('conflict', {
    expression: 'Task.identifier',
    diagnostics: 'Another Task has this identifier.',
  });
}
