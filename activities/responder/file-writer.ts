import { createHash } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { CHUNK_BYTES } from '../../store/blobs.ts';
import { exportBlob, targetsBlob } from '../../store/export-files.ts';
import type { ExportFile, FileConsent } from '../../store/export-files.ts';
import type { ResponderDeps } from './deps.ts';
import { LineBuffer } from './line-buffer.ts';
import type { StoredLine } from './line-buffer.ts';

/** What is waiting then goes into one chunk of its blob, unless the last line is a long one. */
const COMMIT_BYTES = CHUNK_BYTES - 64 * 1024;

export interface FileName {
  readonly jobId: string;
  readonly type: string;
  readonly number: number;
  readonly list: ExportFile['list'];
}

/** Of whom and which a line is, for the Provenance of the export. */
export interface LineTarget {
  readonly member: string;
  readonly reference: string;
}

/** One NDJSON file on its way into its blob, and beside it a list of what it holds: `member<TAB>Type/id` a line. */
export class FileWriter {
  readonly #deps: ResponderDeps;
  readonly #name: FileName;
  readonly #hash = createHash('sha256');
  readonly #consents = new Map<string, FileConsent>();
  readonly #waiting = new LineBuffer(CHUNK_BYTES);
  /** What is given to the blob so far, committed or on its way. */
  #bytes = 0;
  #underWay: Promise<void>;
  #lines = 0;
  #targets = '';
  #targetBytes = 0;

  constructor(deps: ResponderDeps, name: FileName) {
    this.#deps = deps;
    this.#name = name;
    this.#underWay = this.#begin();
    // Whoever waits for it next is told; until then nobody has to.
    this.#underWay.catch(() => undefined);
  }

  isFull({ linesPerFile, maxFileBytes }: ResponderDeps['settings']): boolean {
    return this.#lines >= linesPerFile || this.#bytes + this.#waiting.length >= maxFileBytes;
  }

  /** `consents`: under which it is written. True when there is enough for `commit`. */
  add(line: string | StoredLine, target: LineTarget | undefined, consents: readonly FileConsent[]): boolean {
    if (typeof line === 'string') this.#waiting.addText(line);
    else this.#waiting.addStored(line);
    this.#lines++;
    if (target !== undefined) this.#targets += `${target.member}\t${target.reference}\n`;
    for (const consent of consents) this.#consents.set(consent.patientId, consent);
    return this.#waiting.length >= COMMIT_BYTES;
  }

  /** Waits for the commit before this one only: the next lines are made while this one is written. */
  async commit(): Promise<void> {
    await this.#underWay;
    cancellationSignal().throwIfAborted();
    if (this.#waiting.length === 0) return;
    const bytes = this.#waiting.take();
    const targets = Buffer.from(this.#targets);
    const [at, targetsAt] = [this.#bytes, this.#targetBytes];
    this.#targets = '';
    this.#bytes += bytes.length;
    this.#targetBytes += targets.length;
    this.#underWay = this.#append(bytes, at, targets, targetsAt);
    this.#underWay.catch(() => undefined);
    this.#hash.update(bytes);
  }

  async close(): Promise<void> {
    await this.commit();
    await this.#underWay;
    await this.#deps.jobs.addFile({
      ...{ ...this.#name, count: this.#lines, bytes: this.#bytes, sha256: this.#hash.digest('hex') },
      consents: [...this.#consents.values()],
    });
  }

  /** What an attempt before this one has left goes away. */
  async #begin(): Promise<void> {
    const { jobId, type, number } = this.#name;
    await this.#deps.blobs.truncate(exportBlob(jobId, type, number));
    await this.#deps.blobs.truncate(targetsBlob(jobId, type, number));
  }

  async #append(bytes: Buffer, at: number, targets: Buffer, targetsAt: number): Promise<void> {
    const { jobId, type, number } = this.#name;
    const { blobs } = this.#deps;
    // They count from the moment on when the file's row is there, whose commit makes them safe as well.
    const ends = await blobs.append(exportBlob(jobId, type, number), at, bytes, 'with-the-next');
    const targetsEnd =
      targets.length === 0
        ? targetsAt
        : await blobs.append(targetsBlob(jobId, type, number), targetsAt, targets, 'with-the-next');
    // An attempt that was given up still writes: this one begins anew.
    if (ends !== at + bytes.length || targetsEnd !== targetsAt + targets.length) {
      throw new ExchangeError('unavailable', { detail: 'another attempt writes the file' });
    }
  }
}
