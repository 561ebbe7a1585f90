import { createHash } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { exportBlob } from '../../store/export-jobs.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { compartmentQuery, exportScope } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';

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

const COMMIT_BYTES = 1024 * 1024;

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
      if (!scope.mayLeave(resource)) continue;
      writer ??= await FileWriter.open(deps, job, scope, type, files++);
      await writer.write(`${resource.text}\n`);
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

/** One NDJSON file on its way into its blob. */
class FileWriter {
  readonly #deps: ResponderDeps;
  readonly #file: { readonly jobId: string; readonly type: string; readonly number: number };
  readonly #patientIds: readonly string[];
  readonly #hash = createHash('sha256');
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #bytes = 0;
  #lines = 0;

  private constructor(deps: ResponderDeps, job: ExportJob, scope: ExportScope, type: string, number: number) {
    this.#deps = deps;
    this.#file = { jobId: job.id, type, number };
    this.#patientIds = scope.patientIds;
  }

  static async open(
    deps: ResponderDeps,
    job: ExportJob,
    scope: ExportScope,
    type: string,
    number: number,
  ): Promise<FileWriter> {
    await deps.blobs.truncate(exportBlob(job.id, type, number));
    return new FileWriter(deps, job, scope, type, number);
  }

  isFull({ linesPerFile, maxFileBytes }: ResponderDeps['settings']): boolean {
    return this.#lines >= linesPerFile || this.#bytes + this.#waitingBytes >= maxFileBytes;
  }

  async write(line: string): Promise<void> {
    const bytes = Buffer.from(line, 'utf8');
    this.#hash.update(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#lines++;
    if (this.#waitingBytes >= COMMIT_BYTES) await this.#flush();
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#deps.jobs.addFile({
      ...this.#file,
      ...{ count: this.#lines, bytes: this.#bytes, patientIds: this.#patientIds, sha256: this.#hash.digest('hex') },
    });
  }

  async #flush(): Promise<void> {
    const { jobId, type, number } = this.#file;
    cancellationSignal().throwIfAborted();
    const expected = this.#bytes + this.#waitingBytes;
    this.#bytes = await this.#deps.blobs.append(
      exportBlob(jobId, type, number),
      this.#bytes,
      Buffer.concat(this.#waiting),
    );
    // An attempt that was given up still writes: this one begins anew.
    if (this.#bytes !== expected) throw new ExchangeError('unavailable', { detail: 'another attempt writes the file' });
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
