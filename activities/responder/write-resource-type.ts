import { keyOf } from '../../store/fhir-store.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { CompartmentQuery, StoredResource } from '../../store/fhir-store.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { isInTime, lineOf } from './export-line.ts';
import { exportScopes } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { FINISHED_FROM } from './file-numbers.ts';
import { FileSeries } from './file-series.ts';
import { ReferenceCollector, wantsShared } from './reference-collector.ts';
import { WithheldTally } from './withheld-tally.ts';

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
    await deps.jobs.removeFiles(jobId, { type, below: FINISHED_FROM });
    const files = new FileSeries(deps, { jobId, type, from: 0 });
    const lines = lineOf(job);
    const references = wantsShared(job, deps.settings) ? new ReferenceCollector(deps, jobId, 0) : undefined;
    const tally = new WithheldTally();
    /** True when the files have to settle before the next line. */
    const add = (scope: ExportScope, resource: StoredResource, text: string): boolean => {
      const line = lines(type, text);
      if (line === undefined) return false;
      // Of an unchanged record as well: it may refer to a practitioner that has changed.
      references?.add(line);
      if (!isInTime(job, resource)) return false;
      const member = scope.memberOf(resource);
      const target = member === undefined ? undefined : { member, reference: keyOf(resource) };
      return files.add(line, target, scope.consentsOf(member));
    };
    const disclosedText = async (scope: ExportScope, resource: StoredResource): Promise<string | undefined> => {
      const disclosed = await scope.disclose(resource);
      if (disclosed !== undefined && isInTime(job, resource)) tally.add(type, disclosed);
      return disclosed?.kind === 'shown' ? disclosed.text : undefined;
    };
    for await (const scope of exportScopes(deps, job)) {
      for await (const batch of alive(recordsOf(deps, job, scope, [type], references === undefined), 1)) {
        await scope.stillInForce();
        for (const resource of batch) {
          const text = scope.isPlain(resource) ? resource.text : await disclosedText(scope, resource);
          if (text !== undefined && add(scope, resource, text)) await files.settle();
        }
        await references?.store();
      }
    }
    await files.close();
    await deps.jobs.countWithheld(jobId, tally.counts());
    tally.tell(deps.countWithheld);
    await deps.jobs.change(jobId, { progress: `${position} of ${of} types` });
    return { files: files.files, resources: files.lines };
  };
}

/** Records of these types as of the instant of the export, some at a time; `changedOnly`: those that `_since` asks for. */
export async function* recordsOf(
  { fhir }: ResponderDeps,
  job: ExportJob,
  { patientIds }: ExportScope,
  types: readonly string[],
  changedOnly: boolean,
): AsyncGenerator<readonly StoredResource[]> {
  const query: Omit<CompartmentQuery, 'patientIds' | 'types'> = {
    origin: job.origin,
    ...(changedOnly && job.since !== undefined && { since: job.since.toISOString() }),
    ...(job.transactionTime !== undefined && { asOf: job.transactionTime }),
  };
  for (const type of types) {
    yield* fhir.recordsOfType(type, { ...query, patientIds: job.level === 'system' ? 'everybody' : patientIds });
  }
}
