import { keyOf } from '../../store/fhir-store.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { compartmentQuery, exportScope } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { FileWriter } from './file-writer.ts';

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

/** Writes all files of one type. Run again, it begins anew: nothing shows before the manifest does. */
export function writeResourceType(deps: ResponderDeps) {
  return async ({ jobId, type, position, of }: TypeInput): Promise<WrittenType> => {
    const job = await deps.jobs.load(jobId);
    const scope = await exportScope(deps, job);
    await deps.jobs.removeFiles(jobId, type);
    let files = 0;
    let resources = 0;
    let writer: FileWriter | undefined;
    const close = async (): Promise<void> => {
      await writer?.close();
      writer = undefined;
    };
    for await (const resource of alive(recordsOf(deps, job, scope, type))) {
      await scope.stillInForce();
      const disclosed = await scope.disclose(resource);
      if (disclosed?.kind !== 'shown') continue;
      writer ??= await FileWriter.open(deps, job, scope, { type, number: files++ });
      const member = scope.memberOf(resource) ?? job.patientIds[0];
      const target = member === undefined ? undefined : { member, reference: keyOf(resource) };
      await writer.write(`${disclosed.text}\n`, target);
      resources++;
      if (writer.isFull(deps.settings)) await close();
    }
    await close();
    await deps.jobs.change(jobId, { progress: `${position} of ${of} types` });
    return { files, resources };
  };
}

async function* recordsOf(
  { jobs, fhir }: ResponderDeps,
  job: ExportJob,
  scope: ExportScope,
  type: string,
): AsyncGenerator<StoredResource> {
  for await (const resource of fhir.memberCompartment(compartmentQuery(job, scope, [type]))) {
    yield resource;
  }
  const shared = (await jobs.references(job.id, type)).map((id) => ({ type, id }));
  const { since, asOf } = compartmentQuery(job, scope, []);
  for await (const resource of fhir.readMany(shared, {
    ...(since !== undefined && { since }),
    ...(asOf !== undefined && { asOf }),
  })) {
    yield resource;
  }
}
