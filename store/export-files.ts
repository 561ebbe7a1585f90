import type { ExportFile as Row, PrismaClient } from '../prisma/generated/client.ts';
import type { Policy } from '../fhir/consent.ts';

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
  readonly sha256: string;
  readonly consents: readonly FileConsent[];
}

/** All files from a number on, or those of some types up to it. */
export type ExportFileRange = { readonly from: number } | { readonly types: readonly string[]; readonly below: number };

export interface ExportFileRows {
  /** By type and number; without their consents, which may be many. */
  files(id: string): Promise<readonly Omit<ExportFile, 'consents'>[]>;
  file(id: string, type: string, number: number): Promise<ExportFile | undefined>;
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
      const { jobId, type, number } = file;
      const data = { ...file, consents: consents.map((consent) => ({ ...consent })) };
      await prisma.exportFile.upsert({
        where: { jobId_type_number: { jobId, type, number } },
        create: data,
        update: data,
      });
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
