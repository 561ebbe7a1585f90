import type { ExportFile as Row, PrismaClient } from '../prisma/generated/client.ts';
import type { Policy } from '../fhir/consent.ts';
import { ExchangeError } from '../fhir/errors.ts';

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
  /** The list of the manifest that it stands in. */
  readonly list: 'output' | 'error' | 'deleted';
  readonly count: number;
  readonly bytes: number;
  /** Of what its bytes are made of, not of the bytes: the same digest, the same bytes. */
  readonly digest: string;
  readonly consents: readonly FileConsent[];
}

/** All files from a number on, or those of some types up to it. */
export type ExportFileRange = { readonly from: number } | { readonly types: readonly string[]; readonly below: number };

export interface ExportFileRows {
  /** By type and number; without their consents, which may be many. */
  files(id: string): Promise<readonly Omit<ExportFile, 'consents'>[]>;
  file(id: string, type: string, number: number): Promise<ExportFile | undefined>;
  /** @throws ExchangeError `unavailable` where its parts are not those that the row tells of: somebody else writes it */
  addFile(file: ExportFile): Promise<void>;
  removeFiles(id: string, which: ExportFileRange): Promise<void>;
}

export function exportFileRows(prisma: PrismaClient): ExportFileRows {
  return {
    async files(jobId) {
      const rows = await prisma.exportFile.findMany({
        where: { jobId },
        omit: { consents: true },
        orderBy: [{ type: 'asc' }, { number: 'asc' }],
      });
      return rows.map(toFile);
    },
    async file(jobId, type, number) {
      const row = await prisma.exportFile.findUnique({ where: { jobId_type_number: { jobId, type, number } } });
      // Written by addFile() alone.
      return row === null ? undefined : { ...toFile(row), consents: row.consents as unknown as readonly FileConsent[] };
    },
    async addFile({ consents, ...file }) {
      const { jobId, type, number, list, count, bytes, digest } = file;
      const written = JSON.stringify(consents);
      const added = await prisma.$executeRaw`
        INSERT INTO export_file (job_id, type, number, list, count, bytes, digest, consents)
        SELECT ${jobId}, ${type}, ${number}::int, ${list}, ${count}::int, ${BigInt(bytes)}::bigint, ${digest}, ${written}::jsonb
        WHERE ${BigInt(bytes)}::bigint = (SELECT coalesce(max("offset" + bytes), 0) FROM export_part
          WHERE job_id = ${jobId} AND type = ${type} AND number = ${number}::int)
        ON CONFLICT (job_id, type, number) DO UPDATE SET list = EXCLUDED.list, count = EXCLUDED.count,
          bytes = EXCLUDED.bytes, digest = EXCLUDED.digest, consents = EXCLUDED.consents`;
      if (added === 0) throw new ExchangeError('unavailable', { detail: 'another attempt writes the file' });
    },
    async removeFiles(jobId, which) {
      const where =
        'from' in which
          ? { number: { gte: which.from } }
          : { type: { in: [...which.types] }, number: { lt: which.below } };
      await prisma.exportFile.deleteMany({ where: { jobId, ...where } });
    },
  };
}

function toFile({ bytes, list, ...row }: Omit<Row, 'consents'>): Omit<ExportFile, 'consents'> {
  // Written by addFile() alone.
  return { ...row, bytes: Number(bytes), list: list as ExportFile['list'] };
}
