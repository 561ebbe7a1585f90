import type { ExportJob as Row, PrismaClient } from '../prisma/generated/client.ts';
import { ExchangeError } from '../fhir/errors.ts';

export type ExportState = 'accepted' | 'running' | 'complete' | 'failed' | 'deleted';

export interface NewExportJob {
  readonly id: string;
  readonly clientId: string;
  /** An operator's own export is not filtered by matches. */
  readonly isOperator: boolean;
  /** The kick-off as the manifest repeats it. */
  readonly requestUrl: string;
  readonly patientIds: readonly string[];
  /** Empty: all types. */
  readonly types: readonly string[];
  readonly since: Date | undefined;
  readonly origin: 'native' | 'imported' | 'all';
}

export interface ExportJob extends NewExportJob {
  readonly state: ExportState;
  readonly progress: string | undefined;
  readonly transactionTime: string | undefined;
  readonly expiresAt: Date | undefined;
}

export interface ExportFile {
  readonly jobId: string;
  readonly type: string;
  readonly number: number;
  readonly count: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly patientIds: readonly string[];
}

export interface ExportJobStore {
  /** Writes the job; false, and nothing is written, while the client has `most` of them under way. */
  create(job: NewExportJob, most?: number): Promise<boolean>;
  /** Jobs of a partner that are under way. */
  running(clientId: string): Promise<number>;
  /** @throws ExchangeError `not-found`, also for one that was deleted */
  load(id: string): Promise<ExportJob>;
  change(
    id: string,
    changes: {
      readonly state?: ExportState;
      readonly progress?: string;
      readonly transactionTime?: string;
      readonly expiresAt?: Date;
    },
  ): Promise<void>;
  files(id: string): Promise<readonly ExportFile[]>;
  file(id: string, type: string, number: number): Promise<ExportFile | undefined>;
  addFile(file: ExportFile): Promise<void>;
  removeFiles(id: string, type?: string): Promise<void>;
  addReferences(id: string, keys: readonly { readonly type: string; readonly id: string }[]): Promise<void>;
  references(id: string, type: string): Promise<readonly string[]>;
  referencedTypes(id: string): Promise<readonly string[]>;
  expired(now: Date, limit: number): Promise<readonly string[]>;
  /** Ends a job that is still under way; one that has finished since stays as it is. */
  failUnfinished(id: string, expiresAt: Date): Promise<void>;
  /** Jobs under way that were created before the instant, oldest first: those that the sweep looks at. */
  unfinishedBefore(instant: Date, limit: number): Promise<readonly string[]>;
}

/** Blob of the bytes of one exported file. */
export const exportBlob = (jobId: string, type: string, number: number): string => `export/${jobId}/${type}/${number}`;

const underWay = (clientId: string) => ({ clientId, state: { in: ['accepted', 'running'] } });

export function createExportJobStore(prisma: PrismaClient): ExportJobStore {
  return {
    async create({ since, patientIds, types, ...job }, most = Number.MAX_SAFE_INTEGER) {
      const { clientId } = job;
      return prisma.$transaction(async (transaction) => {
        // Kick-offs of a client wait for each other, so that the limit holds across processes.
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtext('export_job'), hashtext(${clientId}))`;
        if ((await transaction.exportJob.count({ where: underWay(clientId) })) >= most) return false;
        await transaction.exportJob.create({
          data: { ...job, since: since ?? null, patientIds: [...patientIds], types: [...types] },
        });
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
        where: { id, state: { not: 'deleted' } },
        data: { ...changes, ...(transactionTime !== undefined && { transactionTime: new Date(transactionTime) }) },
      });
    },
    async files(jobId) {
      const rows = await prisma.exportFile.findMany({
        where: { jobId },
        orderBy: [{ type: 'asc' }, { number: 'asc' }],
      });
      return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
    },
    async file(jobId, type, number) {
      const row = await prisma.exportFile.findUnique({ where: { jobId_type_number: { jobId, type, number } } });
      return row === null ? undefined : { ...row, bytes: Number(row.bytes) };
    },
    async addFile({ patientIds, ...file }) {
      const { jobId, type, number } = file;
      const data = { ...file, patientIds: [...patientIds] };
      await prisma.exportFile.upsert({
        where: { jobId_type_number: { jobId, type, number } },
        create: data,
        update: data,
      });
    },
    async removeFiles(jobId, type) {
      await prisma.exportFile.deleteMany({ where: { jobId, ...(type !== undefined && { type }) } });
      if (type === undefined) await prisma.exportReference.deleteMany({ where: { jobId } });
    },
    async addReferences(jobId, keys) {
      await prisma.exportReference.createMany({ data: keys.map((key) => ({ jobId, ...key })), skipDuplicates: true });
    },
    async references(jobId, type) {
      const rows = await prisma.exportReference.findMany({ where: { jobId, type }, orderBy: { id: 'asc' } });
      return rows.map(({ id }) => id);
    },
    async referencedTypes(jobId) {
      const rows = await prisma.exportReference.groupBy({ by: ['type'], where: { jobId }, orderBy: { type: 'asc' } });
      return rows.map(({ type }) => type);
    },
    async failUnfinished(id, expiresAt) {
      const where = { id, state: { in: ['accepted', 'running'] } };
      await prisma.exportJob.updateMany({ where, data: { state: 'failed', expiresAt } });
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

function toJob(row: Row): ExportJob {
  return {
    ...{ id: row.id, clientId: row.clientId, isOperator: row.isOperator, requestUrl: row.requestUrl },
    ...{ patientIds: row.patientIds, types: row.types, since: row.since ?? undefined },
    // Written by create() and change() alone.
    origin: row.origin as ExportJob['origin'],
    state: row.state as ExportState,
    progress: row.progress ?? undefined,
    transactionTime: row.transactionTime?.toISOString(),
    expiresAt: row.expiresAt ?? undefined,
  };
}
