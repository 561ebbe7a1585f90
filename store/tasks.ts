import type { Prisma, PrismaClient, Task } from '../prisma/generated/client.ts';
import { ExchangeError, isErrorCode } from '../fhir/errors.ts';
import type { ErrorCode } from '../fhir/errors.ts';
import type { ExchangeOutput, TaskState } from '../fhir/task.ts';

export interface TaskChange {
  readonly status: string;
  readonly businessStatus: string;
  readonly reason?: ErrorCode;
  readonly output?: readonly ExchangeOutput[];
  /** When the step that says so was scheduled; one that was scheduled earlier changes nothing. */
  readonly orderedAt: Date;
}

export interface TaskSearch {
  readonly ids?: readonly string[];
  readonly statuses?: readonly string[];
  readonly patientId?: string;
  readonly codes?: readonly string[];
  readonly lastUpdated?: readonly { readonly op: 'ge' | 'gt' | 'le' | 'lt' | 'eq'; readonly instant: Date }[];
  readonly count: number;
  /** Rows to pass over: the page before. */
  readonly offset: number;
}

export interface TaskStore {
  /** @throws ExchangeError `not-found` */
  read(id: string): Promise<TaskState>;
  search(search: TaskSearch): Promise<{ readonly tasks: readonly TaskState[]; readonly total: number }>;
  /** False when a newer step had been written already. An ended Task may go on: a run that an operator reset does. */
  record(id: string, change: TaskChange): Promise<boolean>;
}

const OPERATORS = { ge: 'gte', gt: 'gt', le: 'lte', lt: 'lt', eq: 'equals' } as const;

export function createTaskStore(prisma: PrismaClient): TaskStore {
  return {
    async read(id) {
      const row = await prisma.task.findUnique({ where: { id } });
      if (row === null) throw new ExchangeError('not-found');
      return toState(row);
    },

    async search({ ids, statuses, patientId, codes, lastUpdated, count, offset }) {
      const where: Prisma.TaskWhereInput = {
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
      return { tasks: rows.map(toState), total };
    },

    async record(id, { status, businessStatus, reason, output, orderedAt }) {
      const { count } = await prisma.task.updateMany({
        where: {
          id,
          OR: [{ orderedAt: null }, { orderedAt: { lte: orderedAt } }],
        },
        data: {
          ...{ status, businessStatus, orderedAt, lastModified: new Date(), version: { increment: 1 } },
          ...(reason !== undefined && { reason }),
          // Outputs are plain data by their type.
          ...(output !== undefined && { output: output as unknown as Prisma.InputJsonValue }),
        },
      });
      return count === 1;
    },
  };
}

function toState(row: Task): TaskState {
  return {
    id: row.id,
    code: row.code,
    status: row.status,
    businessStatus: row.businessStatus,
    reason: row.reason !== null && isErrorCode(row.reason) ? row.reason : undefined,
    patientId: row.patientId,
    ownerId: row.ownerId ?? undefined,
    ...(row.basedOn !== null && { basedOn: row.basedOn }),
    output: row.output as unknown as readonly ExchangeOutput[],
    version: row.version,
    authoredOn: row.authoredOn.toISOString(),
    lastModified: row.lastModified.toISOString(),
  };
}
