import type { ExportJob as Row, PrismaClient } from '../prisma/generated/client.ts';
import { ExchangeError, isErrorCode } from '../fhir/errors.ts';
import type { ErrorCode } from '../fhir/errors.ts';
import type { ExportNote } from '../fhir/export-note.ts';
import type { Seal } from '../seal.ts';
import { exportFileRows } from './export-files.ts';
import type { ExportFileRows } from './export-files.ts';
import { exportScopeRows } from './export-scope.ts';
import type { ExportScopeRows } from './export-scope.ts';

export type ExportState = 'accepted' | 'running' | 'complete' | 'failed' | 'deleted';

/**
 * Whom an export is of: members by name, all whom the partner has matched, a Group, every native Patient, or all that is
 * stored, members' or not. The last two are the operator's.
 */
export type ExportLevel = 'members' | 'matched' | 'group' | 'patients' | 'system';

/** What is asked besides; it may name a member, and is sealed at rest. */
export interface ExportParameters {
  /** Inclusive, by `meta.lastUpdated`. */
  readonly until?: string | undefined;
  /** Each `Type?query`. */
  readonly typeFilters?: readonly string[] | undefined;
  /** Each `element` or `Type.element`. */
  readonly elements?: readonly string[] | undefined;
  /** What the partner is told of the request beside its files: a sentence each. */
  readonly notes?: readonly ExportNote[] | undefined;
}

export interface NewExportJob extends ExportParameters {
  readonly id: string;
  readonly clientId: string;
  /** An operator's own export is not filtered by matches. */
  readonly isOperator: boolean;
  /** The kick-off as the manifest repeats it; sealed at rest. */
  readonly requestUrl: string;
  /** Absent: `members`. */
  readonly level?: ExportLevel;
  readonly groupId?: string | undefined;
  /** The members by name; of a group those who are asked for, empty for all of it. */
  readonly patientIds: readonly string[];
  /** Empty: all types. */
  readonly types: readonly string[];
  readonly since: Date | undefined;
  readonly origin: 'native' | 'imported' | 'all';
}

/** How many were withheld, or not sent whole: by type, then by reason. */
export type WithheldCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface ExportJob extends NewExportJob {
  readonly level: ExportLevel;
  readonly typeFilters: readonly string[];
  readonly elements: readonly string[];
  readonly notes: readonly ExportNote[];
  readonly state: ExportState;
  /** Why it failed, where that is known. */
  readonly reason: ErrorCode | undefined;
  /** For the operator alone. */
  readonly withheld: WithheldCounts;
  readonly createdAt: Date;
  readonly progress: string | undefined;
  readonly transactionTime: string | undefined;
  readonly expiresAt: Date | undefined;
}

export interface ExportJobStore extends ExportFileRows, ExportScopeRows {
  /** Writes the job; false, and nothing is written, while the client has `most` of them under way. */
  create(job: NewExportJob, most?: number): Promise<boolean>;
  /** Jobs of a partner that are under way. */
  running(clientId: string): Promise<number>;
  /** @throws ExchangeError `not-found`, also for one that was deleted */
  load(id: string): Promise<ExportJob>;
  /** What has failed stays so, but for its deletion. */
  change(
    id: string,
    changes: {
      readonly state?: ExportState;
      readonly progress?: string;
      readonly transactionTime?: string;
      readonly expiresAt?: Date;
    },
  ): Promise<void>;
  /** Takes the place of what was counted of the same types. */
  countWithheld(id: string, counts: WithheldCounts): Promise<void>;
  expired(now: Date, limit: number): Promise<readonly string[]>;
  /** Ends a job that is still under way; one that has finished since stays as it is. */
  failUnfinished(id: string, expiresAt: Date, reason?: ErrorCode): Promise<void>;
  /** A partner's jobs under way that end when this member leaves: those that name it. */
  underWayFor(clientId: string, patientId: string): Promise<readonly string[]>;
  /** The newest jobs that were not deleted, of everybody or of one client. */
  newest(count: number, clientId?: string): Promise<readonly ExportJob[]>;
  /** Jobs under way that were created before the instant, oldest first: those that the sweep looks at. */
  unfinishedBefore(instant: Date, limit: number): Promise<readonly string[]>;
}

const underWay = (clientId: string) => ({ clientId, state: { in: ['accepted', 'running'] } });

export function createExportJobStore(prisma: PrismaClient, seal: Seal): ExportJobStore {
  const toJob = (row: Row): ExportJob => openJob(row, seal);
  return {
    ...exportFileRows(prisma),
    ...exportScopeRows(prisma),
    async create(job, most = Number.MAX_SAFE_INTEGER) {
      const { clientId } = job;
      return prisma.$transaction(async (transaction) => {
        // Kick-offs of a client wait for each other, so that the limit holds across processes.
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtext('export_job'), hashtext(${clientId}))`;
        if ((await transaction.exportJob.count({ where: underWay(clientId) })) >= most) return false;
        await transaction.exportJob.create({ data: sealedJob(job, seal) });
        return true;
      });
    },
    async load(id) {
      const row = await prisma.exportJob.findUnique({ where: { id } });
      if (row === null || row.state === 'deleted') throw new ExchangeError('not-found');
      return toJob(row);
    },
    async change(id, { transactionTime, ...changes }) {
      await prisma.exportJob.updateMany({
        where: { id, state: { notIn: changes.state === 'deleted' ? ['deleted'] : ['deleted', 'failed'] } },
        data: {
          ...changes,
          ...(transactionTime !== undefined && { transactionTime: new Date(transactionTime) }),
        },
      });
    },
    async countWithheld(id, counts) {
      if (Object.keys(counts).length === 0) return;
      // Types are written side by side.
      await prisma.$executeRaw`UPDATE export_job SET withheld = withheld || ${JSON.stringify(counts)}::jsonb WHERE id = ${id}`;
    },
    async failUnfinished(id, expiresAt, reason) {
      const where = { id, state: { in: ['accepted', 'running'] } };
      await prisma.exportJob.updateMany({ where, data: { state: 'failed', expiresAt, reason: reason ?? null } });
    },
    async underWayFor(clientId, patientId) {
      const where = { ...underWay(clientId), isOperator: false, scope: 'members', patientIds: { has: patientId } };
      const rows = await prisma.exportJob.findMany({ where, select: { id: true } });
      return rows.map(({ id }) => id);
    },
    async newest(count, clientId) {
      const where = { state: { not: 'deleted' }, ...(clientId !== undefined && { clientId }) };
      const rows = await prisma.exportJob.findMany({ where, orderBy: { createdAt: 'desc' }, take: count });
      return rows.map(toJob);
    },
    running: (clientId) => prisma.exportJob.count({ where: underWay(clientId) }),
    async unfinishedBefore(instant, limit) {
      const rows = await prisma.exportJob.findMany({
        where: { createdAt: { lt: instant }, state: { in: ['accepted', 'running'] } },
        orderBy: { createdAt: 'asc' },
        select: { id: true },
        take: limit,
      });
      return rows.map(({ id }) => id);
    },
    async expired(now, limit) {
      const rows = await prisma.exportJob.findMany({
        where: { expiresAt: { lt: now }, state: { not: 'deleted' } },
        select: { id: true },
        take: limit,
      });
      return rows.map(({ id }) => id);
    },
  };
}

function sealedJob(job: NewExportJob, seal: Seal) {
  const { id, clientId, isOperator, origin, until, typeFilters, elements, notes } = job;
  const sealed = (text: string): Uint8Array<ArrayBuffer> => seal.seal(Buffer.from(text, 'utf8'));
  return {
    ...{ id, clientId, isOperator, origin, scope: job.level ?? 'members', groupId: job.groupId ?? null },
    ...{ since: job.since ?? null, patientIds: [...job.patientIds], types: [...job.types] },
    request: sealed(job.requestUrl),
    parameters: sealed(JSON.stringify({ until, typeFilters, elements, notes } satisfies ExportParameters)),
  };
}

function openJob(row: Row, seal: Seal): ExportJob {
  const opened = (bytes: Uint8Array): string => Buffer.from(seal.open(bytes)).toString('utf8');
  // Written by sealedJob() alone.
  const { until, typeFilters, elements, notes } = (
    row.parameters === null ? {} : JSON.parse(opened(row.parameters))
  ) as ExportParameters;
  return {
    ...{ id: row.id, clientId: row.clientId, isOperator: row.isOperator, createdAt: row.createdAt },
    ...{ until, typeFilters: typeFilters ?? [], elements: elements ?? [], notes: notes ?? [] },
    requestUrl: row.request === null ? '' : opened(row.request),
    ...{ patientIds: row.patientIds, types: row.types, since: row.since ?? undefined },
    // Written by create() and change() alone.
    level: row.scope as ExportLevel,
    groupId: row.groupId ?? undefined,
    origin: row.origin as ExportJob['origin'],
    state: row.state as ExportState,
    withheld: row.withheld as WithheldCounts,
    reason: row.reason !== null && isErrorCode(row.reason) ? row.reason : undefined,
    progress: row.progress ?? undefined,
    transactionTime: row.transactionTime?.toISOString(),
    expiresAt: row.expiresAt ?? undefined,
  };
}
