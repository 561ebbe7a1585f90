import type { ExportFile, FileConsent } from '../../store/export-files.ts';
import type { ResponderDeps } from './deps.ts';
import { FileWriter } from './file-writer.ts';
import type { StoredLine } from './file-writer.ts';
import type { LineTarget } from './target-list.ts';

export interface SeriesName {
  readonly jobId: string;
  readonly type: string;
  readonly list?: ExportFile['list'];
  /** Number of the first file. */
  readonly from: number;
}

/** The files of one kind, one after another: each is closed when it is full, and none is empty. */
export class FileSeries {
  readonly #deps: ResponderDeps;
  readonly #name: SeriesName;
  #writer: FileWriter | undefined;
  #next: number;
  #lines = 0;

  constructor(deps: ResponderDeps, name: SeriesName) {
    this.#deps = deps;
    this.#name = name;
    this.#next = name.from;
  }

  get files(): number {
    return this.#next - this.#name.from;
  }

  get lines(): number {
    return this.#lines;
  }

  async write(line: string, target?: LineTarget, consents: readonly FileConsent[] = []): Promise<void> {
    await (this.add(line, target, consents) ? this.settle() : undefined);
  }

  /** The same without a promise for each line: true when `settle` has to be waited for before the next one. */
  add(line: string | StoredLine, target?: LineTarget, consents: readonly FileConsent[] = []): boolean {
    this.#writer ??= this.#open();
    this.#lines++;
    return this.#writer.add(line, target, consents) || this.#writer.isFull(this.#deps.settings);
  }

  async settle(): Promise<void> {
    if (this.#writer?.isFull(this.#deps.settings) === true) await this.close();
    else await this.#writer?.commit();
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  #open(): FileWriter {
    const { jobId, type, list = 'output' } = this.#name;
    return new FileWriter(this.#deps, { jobId, type, list, number: this.#next++ });
  }
}
