import type { Unmarked } from '../../fhir/record-marks.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { RecordBatch } from '../../store/record-batch.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { FINISHED_FROM } from './file-numbers.ts';
import { ReferenceCollector, wantsShared } from './reference-collector.ts';
import { removeFiles } from './remove-files.ts';
import { TypeFiles } from './type-files.ts';

export interface TypesInput {
  readonly jobId: string;
  readonly types: readonly string[];
  /** Of the last one, for X-Progress. */
  readonly position: number;
  readonly of: number;
}

export interface TypeInput extends Omit<TypesInput, 'types'> {
  readonly type: string;
}

export interface WrittenType {
  readonly files: number;
  readonly resources: number;
}

/** Writes all files of one type, as `writeTypes` does. */
export function writeResourceType(deps: ResponderDeps) {
  return ({ type, ...input }: TypeInput): Promise<WrittenType> => writeTypes(deps)({ ...input, types: [type] });
}

/**
 * Writes all files of some types, and writes down what their records refer to. Run again, it begins anew: nothing shows
 * before the manifest does.
 */
export function writeTypes(deps: ResponderDeps) {
  return async ({ jobId, types, position, of }: TypesInput): Promise<WrittenType> => {
    const job = await deps.jobs.load(jobId);
    await removeFiles(deps, jobId, { types, below: FINISHED_FROM });
    const references = wantsShared(job, deps.settings) ? new ReferenceCollector(deps, jobId, 0) : undefined;
    const all = types.map((type) => ({ type, files: new TypeFiles(deps, job, type, references) }));
    for await (const scope of exportScopes(deps, job)) {
      for (const { type, files } of all) {
        const query = { changedOnly: references === undefined, unmarked: files.unmarked(scope) };
        for await (const batch of alive(recordsOf(deps, job, scope, type, query))) {
          await scope.stillInForce();
          await files.write(batch, scope);
        }
      }
    }
    await references?.store();
    const written = await Promise.all(all.map(({ files }) => files.close()));
    await deps.jobs.change(jobId, { progress: `${position} of ${of} types` });
    return {
      files: written.reduce((sum, { files }) => sum + files, 0),
      resources: written.reduce((sum, { resources }) => sum + resources, 0),
    };
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
