import type { Unmarked } from '../../fhir/record-marks.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { BulkQuery, RecordBatch } from '../../store/record-batch.ts';
import { PAGE_RECORDS } from '../../store/record-page.ts';
import { RUN_RECORD_BYTES } from '../../store/record-run.ts';
import type { RecordRun } from '../../store/record-run.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { FINISHED_FROM } from './file-numbers.ts';
import { ReferenceCollector, wantsShared } from './reference-collector.ts';
import { removeFiles } from './remove-files.ts';
import { TypeFiles } from './type-files.ts';

/** Each time costs a statement. */
const REST_AT_ONCE = 1000;

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
      for (const each of all) {
        await writeScope(deps, job, scope, { ...each, changedOnly: references === undefined });
        await each.files.endScope();
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

interface TypeOfScope {
  readonly type: string;
  readonly files: TypeFiles;
  readonly changedOnly: boolean;
}

async function writeScope(deps: ResponderDeps, job: ExportJob, scope: ExportScope, asked: TypeOfScope): Promise<void> {
  const { type, files, changedOnly } = asked;
  const unmarked = files.unmarked(scope);
  // Everything that is stored has no order of compartments, which runs are made by.
  if (unmarked !== undefined && job.level !== 'system') return writeRuns(deps, job, scope, { ...asked, unmarked });
  await writeRecords(recordsOf(deps, job, scope, type, { changedOnly, unmarked }), scope, files);
}

/** What goes out as it is stored is not looked at. */
async function writeRuns(
  { fhir, settings }: ResponderDeps,
  job: ExportJob,
  scope: ExportScope,
  { type, files, changedOnly, unmarked }: TypeOfScope & { readonly unmarked: Unmarked },
): Promise<void> {
  const { linesPerFile, maxFileBytes } = settings;
  const recordsPerRun = Math.min(PAGE_RECORDS, linesPerFile, Math.ceil(maxFileBytes / RUN_RECORD_BYTES));
  const query = { ...versionsOf(job, changedOnly), patientIds: scope.patientIds, unmarked, recordsPerRun };
  let rest: RecordRun[] = [];
  const writeRest = (): Promise<void> => {
    const records = fhir.recordsOfRuns(type, rest, unmarked);
    rest = [];
    return writeRecords(records, scope, files);
  };
  for await (const runs of alive(fhir.runsOfType(type, query))) {
    await scope.stillInForce();
    await files.writeRuns(runs, scope);
    rest.push(...runs.filter(({ kind }) => kind === 'rest'));
    if (rest.reduce((sum, { count }) => sum + count, 0) >= REST_AT_ONCE) await writeRest();
  }
  await writeRest();
}

async function writeRecords(records: AsyncIterable<RecordBatch>, scope: ExportScope, files: TypeFiles): Promise<void> {
  for await (const batch of alive(records)) {
    await scope.stillInForce();
    await files.write(batch, scope);
  }
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
  const owners = job.level === 'system' ? 'everybody' : patientIds;
  return fhir.recordsOfType(type, { ...versionsOf(job, changedOnly), patientIds: owners, unmarked });
}

function versionsOf(
  { origin, since, transactionTime }: ExportJob,
  changedOnly: boolean,
): Pick<BulkQuery, 'asOf' | 'since' | 'origin'> {
  return {
    origin,
    ...(changedOnly && since !== undefined && { since: since.toISOString() }),
    ...(transactionTime !== undefined && { asOf: transactionTime }),
  };
}
