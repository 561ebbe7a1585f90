import type { Task as Row } from '../prisma/generated/client.ts';
import { isErrorCode } from '../fhir/errors.ts';
import type { ExchangeOutput, TaskState } from '../fhir/task.ts';
import type { Seal } from '../seal.ts';

export function toTaskState(row: Row, seal: Seal): TaskState {
  return {
    id: row.id,
    code: row.code,
    status: row.status,
    businessStatus: row.businessStatus,
    reason: row.reason !== null && isErrorCode(row.reason) ? row.reason : undefined,
    patientId: row.patientId,
    ownerId: row.ownerId ?? undefined,
    ...(row.basedOn !== null && { basedOn: row.basedOn }),
    ...(row.posted !== null && { posted: Buffer.from(seal.open(row.posted)).toString('utf8') }),
    output: row.output as unknown as readonly ExchangeOutput[],
    version: row.version,
    authoredOn: row.authoredOn.toISOString(),
    lastModified: row.lastModified.toISOString(),
  };
}
