import type { ExportFile as FileRow, ExportJob as Row, PrismaClient } from '../prisma/generated/client.ts';
import { ExchangeError, isErrorCode } from '../fhir/errors.ts';
import type { ErrorCode } from '../fhir/errors.ts';
import type { Policy } from '../fhir/consent.ts';
import type { Seal } from '../seal.ts';

export type ExportState = 'accepted' | 'running' | 'complete' | 'failed' | 'deleted';

export interface NewExportJob {
  readonly id: string;
  readonly clientId: string;
  /** An operator's own export is not filtered by matches. */
  readonly isOperator: boolean;
  /** The kick-off as the manifest repeats it; sealed at rest. */
  readonly requestUrl: string;
  readonly patientIds: readonly string[];
  /** Empty: all types. */
  readonly types: readonly string[];
  readonly since: Date | undefined;
  readonly origin: 'native' | 'imported' | 'all';
}

/** How many were withheld, or not sent whole: by type, then by reason. */
export type WithheldCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface ExportJob extends NewExportJob {
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

/** The consent under which a member's records went into a file. */
export interface FileConsent {
  readonly patientId: string;
  readonly policy: Policy;
  readonly consentSha256?: string | undefined;
}

export interface ExportFile {
  readonly jobId: string;
  readonly type: string;
  readonly number: number;
  readonly count: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly patientIds: readonly string[];
  readonly consents: readonly FileConsent[];
}

export interface ExportJobStore {
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
      readonly withheld?: WithheldCounts;
    },
  ): Promise<void>;
  files(id: string): Promise<readonly ExportFile[]>;
  file(id: string, type: string, number: number): Promise<ExportFile | undefined>;
  addFile(file: ExportFile): Promise<void>;
  /** All files, or those of a type, from a number on. */
  removeFiles(id: string, type?: string, from?: number): Promise<void>;
  addReferences(id: string, keys: readonly { readonly type: string; readonly id: string }[]): Promise<void>;
  references(id: string, type: string): Promise<readonly string[]>;
  referencedTypes(id: string): Promise<readonly string[]>;
  expired(now: Date, limit: number): Promise<readonly string[]>;
  /** Ends a job that is still under way; one that has finished since stays as it is. */
  failUnfinished(id: string, expiresAt: Date, reason?: ErrorCode): Promise<void>;
  /** A partner's jobs under way that were to export this member. */
  underWayFor(clientId: string, patientId: string): Promise<readonly string[]>;
  /** The newest jobs that were not deleted, of everybody or of one client. */
  newest(count: number, clientId?: string): Promise<readonly ExportJob[]>;
  /** Jobs under way that were created before the instant, oldest first: those that the sweep looks at. */
  unfinishedBefore(instant: Date, limit: number): Promise<readonly string[]>;
}

/** Blob of the bytes of one exported file. */
export const exportBlob = (jobId: string, type: string, number: number): string => `export/${jobId}/${type}/${number}`;

/** Blob that says of whom and which the records of one exported file are. */
export const targetsBlob = (jobId: string, type: string, number: number): string =>
  `${exportBlob(jobId, type, number)}/targets`;

const underWay = (clientId: string) => ({ clientId, state: { in: ['accepted', 'running'] } });

export function createExportJobStore(prisma: PrismaClient, seal: Seal): ExportJobStore {
  const toJob = (row: Row): ExportJob => openJob(row, seal);
  return {
    async create({ since, patientIds, types, requestUrl, ...job }, most = Number.MAX_SAFE_INTEGER) {
      const { clientId } = job;
      return prisma.$transaction(async (transaction) => {
        // Kick-offs of a client wait for each other, so that the limit holds across processes.
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtext('export_job'), hashtext(${clientId}))`;
        if ((await transaction.exportJob.count({ where: underWay(clientId) })) >= most) return false;
        await transaction.exportJob.create({
          data: {
            ...{ ...job, since: since ?? null, patientIds: [...patientIds], types: [...types] },
            request: seal.seal(Buffer.from(requestUrl, 'utf8')),
          },
        });
        return true;
      });
    },
    async load(id) {
      const row = await prisma.exportJob.findUnique({ where: { id } });
      if (row === null || row.state === 'deleted') throw new ExchangeError('not-found');
      return toJob(row);
    },
    async change(id, { transactionTime, withheld, ...changes }) {
      await prisma.exportJob.updateMany({
        where: { id, state: { notIn: changes.state === 'deleted' ? ['deleted'] : ['deleted', 'failed'] } },
        data: {
          ...changes,
          ...(withheld !== undefined && { withheld }),
          ...(transactionTime !== undefined && { transactionTime: new Date(transactionTime) }),
        },
      });
    },
    async files(jobId) {
      const rows = await prisma.exportFile.findMany({
        where: { jobId },
        orderBy: [{ type: 'asc' }, { number: 'asc' }],
      });
      return rows.map(toFile);
    },
    async file(jobId, type, number) {
      const row = await prisma.exportFile.findUnique({ where: { jobId_type_number: { jobId, type, number } } });
      return row === null ? undefined : toFile(row);
    },
    async addFile({ patientIds, consents, ...file }) {
      const { jobId, type, number } = file;
      const data = { ...file, patientIds: [...patientIds], consents: consents.map((consent) => ({ ...consent })) };
      await prisma.exportFile.upsert({
        where: { jobId_type_number: { jobId, type, number } },
        create: data,
        update: data,
      });
    },
    async removeFiles(jobId, type, from = 0) {
      const where = { jobId, ...(type !== undefined && { type, number: { gte: from } }) };
      await prisma.exportFile.deleteMany({ where });
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
    async failUnfinished(id, expiresAt, reason) {
      const where = { id, state: { in: ['accepted', 'running'] } };
      await prisma.exportJob.updateMany({ where, data: { state: 'failed', expiresAt, reason: reason ?? null } });
    },
    async underWayFor(clientId, patientId) {
      const where = { ...underWay(clientId), isOperator: false, patientIds: { has: patientId } };
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

function openJob(row: Row, seal: Seal): ExportJob {
  return {
    ...{ id: row.id, clientId: row.clientId, isOperator: row.isOperator, createdAt: row.createdAt },
    requestUrl: row.request === null ? '' : Buffer.from(seal.open(row.request)).toString('utf8'),
    ...{ patientIds: row.patientIds, types: row.types, since: row.since ?? undefined },
    // Written by create() and change() alone.
    origin: row.origin as ExportJob['origin'],
    state: row.state as ExportState,
    withheld: row.withheld as WithheldCounts,
    reason: row.reason !== null && isErrorCode(row.reason) ? row.reason : undefined,
    progress: row.progress ?? undefined,
    transactionTime: row.transactionTime?.toISOString(),
    expiresAt: row.expiresAt ?? undefined,
  };
}

function toFile({ bytes, consents, ...row }: FileRow): ExportFile {
  // Written by addFile() alone.
  return { ...row, bytes: Number(bytes), consents: consents as unknown as readonly FileConsent[] };
}
