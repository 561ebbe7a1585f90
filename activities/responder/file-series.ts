import type { ExportFile, FileConsent } from '../../store/export-files.ts';
import type { ResponderDeps } from './deps.ts';
import { FileWriter } from './file-writer.ts';
import type { NamedTargets, StoredLines } from './file-writer.ts';
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

  /** The same of a line with places for these records. */
  async writeNaming(line: string, named: readonly NamedTargets[], consents: readonly FileConsent[]): Promise<void> {
    const writer = (this.#writer ??= this.#open());
    this.#lines++;
    if (writer.addNaming(line, named, consents) || writer.isFull(this.#deps.settings)) await this.settle();
  }

  /** The same without a promise for each line: true when `settle` has to be waited for before the next one. */
  add(line: string, target?: LineTarget, consents: readonly FileConsent[] = []): boolean {
    const writer = (this.#writer ??= this.#open());
    this.#lines++;
    return writer.add(line, target, consents) || writer.isFull(this.#deps.settings);
  }

  /** The same of lines that are not kept. */
  addStored(lines: StoredLines, consents: readonly FileConsent[]): boolean {
    const writer = (this.#writer ??= this.#open());
    this.#lines += lines.count;
    return writer.addStored(lines, consents) || writer.isFull(this.#deps.settings);
  }

  /** So that no file is longer than it may be by more than a line. */
  async makeRoomFor(lines: StoredLines): Promise<void> {
    if (this.#writer?.isFullWith(lines, this.#deps.settings) === true) await this.close();
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
