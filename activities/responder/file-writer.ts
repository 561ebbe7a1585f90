import { createHash } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { exportBlob, targetsBlob } from '../../store/export-jobs.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { ResponderDeps } from './deps.ts';
import type { ExportScope } from './export-scope.ts';

const COMMIT_BYTES = 1024 * 1024;

export interface FileName {
  readonly type: string;
  readonly number: number;
}

/** One NDJSON file on its way into its blob, and beside it a list of what it holds: `member<TAB>Type/id` a line. */
export class FileWriter {
  readonly #deps: ResponderDeps;
  readonly #job: ExportJob;
  readonly #scope: ExportScope;
  readonly #name: FileName;
  readonly #hash = createHash('sha256');
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #bytes = 0;
  #lines = 0;
  #targets: string[] = [];

  private constructor(deps: ResponderDeps, job: ExportJob, scope: ExportScope, name: FileName) {
    this.#deps = deps;
    this.#job = job;
    this.#scope = scope;
    this.#name = name;
  }

  static async open(deps: ResponderDeps, job: ExportJob, scope: ExportScope, name: FileName): Promise<FileWriter> {
    await deps.blobs.truncate(exportBlob(job.id, name.type, name.number));
    await deps.blobs.truncate(targetsBlob(job.id, name.type, name.number));
    return new FileWriter(deps, job, scope, name);
  }

  isFull({ linesPerFile, maxFileBytes }: ResponderDeps['settings']): boolean {
    return this.#lines >= linesPerFile || this.#bytes + this.#waitingBytes >= maxFileBytes;
  }

  /** `target`: the word of the resource for the Provenance of this export; without one it is no target. */
  async write(line: string, target?: { readonly member: string; readonly reference: string }): Promise<void> {
    const bytes = Buffer.from(line, 'utf8');
    this.#hash.update(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#lines++;
    if (target !== undefined) this.#targets.push(`${target.member}\t${target.reference}\n`);
    if (this.#waitingBytes >= COMMIT_BYTES) await this.#flush();
  }

  async close(): Promise<void> {
    await this.#flush();
    const { blobs, jobs } = this.#deps;
    const { type, number } = this.#name;
    const targets = Buffer.from(this.#targets.join(''), 'utf8');
    if (targets.length > 0) await blobs.append(targetsBlob(this.#job.id, type, number), 0, targets);
    await jobs.addFile({
      ...{ jobId: this.#job.id, type, number, count: this.#lines, bytes: this.#bytes },
      ...{ patientIds: this.#scope.patientIds, consents: this.#scope.consents, sha256: this.#hash.digest('hex') },
    });
  }

  async #flush(): Promise<void> {
    const { type, number } = this.#name;
    cancellationSignal().throwIfAborted();
    const expected = this.#bytes + this.#waitingBytes;
    this.#bytes = await this.#deps.blobs.append(
      exportBlob(this.#job.id, type, number),
      this.#bytes,
      Buffer.concat(this.#waiting),
    );
    // An attempt that was given up still writes: this one begins anew.
    if (this.#bytes !== expected) throw new ExchangeError('unavailable', { detail: 'another attempt writes the file' });
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
