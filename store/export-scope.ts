import type { PrismaClient } from '../prisma/generated/client.ts';
import type { ResourceKey } from './fhir-store.ts';

/** A member of an export: the Patient whom the match names, and all compartments of the member. */
export interface ExportMember {
  readonly memberId: string;
  readonly patientIds: readonly string[];
}

export interface ReferencePage {
  /** How many references away from a member's record. */
  readonly depth: number;
  readonly after?: ResourceKey | undefined;
  readonly limit: number;
}

/** Whom an export is of, and what their records refer to: rows, read page by page, since they may be all there are. */
export interface ExportScopeRows {
  /** A compartment belongs to the member that came first. */
  addMembers(id: string, members: readonly ExportMember[]): Promise<void>;
  /** By id. */
  members(id: string, after: string, limit: number): Promise<readonly ExportMember[]>;
  /** What was found nearer stays as it is. */
  addReferences(id: string, keys: readonly ResourceKey[], depth: number): Promise<void>;
  /** By type and id. */
  references(id: string, page: ReferencePage): Promise<readonly ResourceKey[]>;
  /** Those of this depth and beyond. */
  forgetReferences(id: string, depth: number): Promise<void>;
  /** Members and references. */
  forgetScope(id: string): Promise<void>;
}

export function exportScopeRows(prisma: PrismaClient): ExportScopeRows {
  return {
    async addMembers(jobId, members) {
      const rows = members.flatMap(({ memberId, patientIds }) => patientIds.map((patientId) => [memberId, patientId]));
      const [memberIds, patientIds] = [rows.map(([memberId]) => memberId), rows.map(([, patientId]) => patientId)];
      await prisma.$executeRaw`
        INSERT INTO export_member (job_id, member_id, patient_id)
        SELECT ${jobId}, m.member_id, m.patient_id FROM unnest(${memberIds}::text[], ${patientIds}::text[]) AS m(member_id, patient_id)
        ON CONFLICT DO NOTHING`;
    },
    async members(jobId, after, limit) {
      return prisma.$queryRaw<ExportMember[]>`
        SELECT member_id AS "memberId", array_agg(patient_id ORDER BY patient_id) AS "patientIds" FROM export_member
        WHERE job_id = ${jobId} AND member_id > ${after} GROUP BY member_id ORDER BY member_id LIMIT ${limit}`;
    },
    async addReferences(jobId, keys, depth) {
      if (keys.length === 0) return;
      const [types, ids] = [keys.map(({ type }) => type), keys.map(({ id }) => id)];
      await prisma.$executeRaw`
        INSERT INTO export_reference (job_id, type, id, depth)
        SELECT DISTINCT ${jobId}, k.type, k.id, ${depth}::int FROM unnest(${types}::text[], ${ids}::text[]) AS k(type, id)
        ON CONFLICT DO NOTHING`;
    },
    async references(jobId, { depth, after, limit }) {
      const from = after ?? { type: '', id: '' };
      return prisma.$queryRaw<ResourceKey[]>`
        SELECT type, id FROM export_reference
        WHERE job_id = ${jobId} AND depth = ${depth}::int AND (type, id) > (${from.type}, ${from.id})
        ORDER BY type, id LIMIT ${limit}`;
    },
    async forgetReferences(jobId, depth) {
      await prisma.exportReference.deleteMany({ where: { jobId, depth: { gte: depth } } });
    },
    async forgetScope(jobId) {
      await prisma.exportReference.deleteMany({ where: { jobId } });
      await prisma.exportMember.deleteMany({ where: { jobId } });
    },
  };
}
