import type { ExportJob } from '../../store/export-jobs.ts';
import type { CompartmentQuery } from '../../store/fhir-store.ts';
import type { RecordBatch } from '../../store/record-batch.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { FINISHED_FROM } from './file-numbers.ts';
import { removeFiles } from './remove-files.ts';
import { TypeFiles } from './type-files.ts';

export interface TypeInput {
  readonly jobId: string;
  readonly type: string;
  /** For X-Progress. */
  readonly position: number;
  readonly of: number;
}

export interface WrittenType {
  readonly files: number;
  readonly resources: number;
}

/**
 * Writes all files of one type, and writes down what its records refer to. Run again, it begins anew: nothing shows before
 * the manifest does.
 */
export function writeResourceType(deps: ResponderDeps) {
  return async ({ jobId, type, position, of }: TypeInput): Promise<WrittenType> => {
    const job = await deps.jobs.load(jobId);
    await removeFiles(deps, jobId, { type, below: FINISHED_FROM });
    const files = new TypeFiles(deps, job, type);
    for await (const scope of exportScopes(deps, job)) {
      for await (const batch of alive(recordsOf(deps, job, scope, [type], !files.wantsReferences))) {
        await scope.stillInForce();
        await files.write(batch, scope);
      }
    }
    const written = await files.close();
    await deps.jobs.change(jobId, { progress: `${position} of ${of} types` });
    return written;
  };
}

/** Records of these types as of the instant of the export, some at a time; `changedOnly`: those that `_since` asks for. */
export async function* recordsOf(
  { fhir }: ResponderDeps,
  job: ExportJob,
  { patientIds }: ExportScope,
  types: readonly string[],
  changedOnly: boolean,
): AsyncGenerator<RecordBatch> {
  const query: Omit<CompartmentQuery, 'patientIds' | 'types'> = {
    origin: job.origin,
    ...(changedOnly && job.since !== undefined && { since: job.since.toISOString() }),
    ...(job.transactionTime !== undefined && { asOf: job.transactionTime }),
  };
  for (const type of types) {
    yield* fhir.recordsOfType(type, { ...query, patientIds: job.level === 'system' ? 'everybody' : patientIds });
  }
}
