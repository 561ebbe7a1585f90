import type { Unmarked } from '../../fhir/record-marks.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
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
      const query = { changedOnly: !files.wantsReferences, unmarked: files.unmarked(scope) };
      for await (const batch of alive(recordsOf(deps, job, scope, type, query))) {
        await scope.stillInForce();
        await files.write(batch, scope);
      }
    }
    const written = await files.close();
    await deps.jobs.change(jobId, { progress: `${position} of ${of} types` });
    return written;
  };
}

export interface RecordsQuery {
  /** Those alone that `_since` asks for. */
  readonly changedOnly: boolean;
  /** Whose texts are not read. */
  readonly unmarked: Unmarked | undefined;
}

/** Records of a type as of the instant of the export, some at a time. */
export function recordsOf(
  { fhir }: ResponderDeps,
  job: ExportJob,
  { patientIds }: ExportScope,
  type: string,
  { changedOnly, unmarked }: RecordsQuery,
): AsyncIterable<RecordBatch> {
  return fhir.recordsOfType(type, {
    ...{ patientIds: job.level === 'system' ? 'everybody' : patientIds, origin: job.origin, unmarked },
    ...(changedOnly && job.since !== undefined && { since: job.since.toISOString() }),
    ...(job.transactionTime !== undefined && { asOf: job.transactionTime }),
  });
}
