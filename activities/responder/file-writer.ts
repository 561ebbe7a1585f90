import { createHash } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import type { ExportFile, FileConsent } from '../../store/export-files.ts';
import { NAMES_PLACE } from '../../store/export-part.ts';
import type { ExportPart, NamedRun, PartRun } from '../../store/export-part.ts';
import type { ResponderDeps } from './deps.ts';
import { TargetLines } from './target-list.ts';
import type { LineTarget } from './target-list.ts';
import { TextBuffer } from './text-buffer.ts';

/** A part is read as a whole when it is downloaded. */
const PART_BYTES = 2 * 1024 * 1024;
const PART_LINES = 4000;
/** The texts of a run come from the database at once: short ones are joined up to so much. */
const RUN_BYTES = 128 * 1024;
/** To tell the database of parts costs more than they do, unless they keep much. */
const PARTS_AT_ONCE = 8;
const MUCH_BYTES = 64 * 1024;

export interface FileName {
  readonly jobId: string;
  readonly type: string;
  readonly number: number;
  readonly list: ExportFile['list'];
}

/** Lines that go out as their records are stored. */
export interface StoredLines extends PartRun {
  /** Of all of them, each with its end. */
  readonly bytes: number;
}

/** Records that a line names, in the place that it has for them. */
export interface NamedTargets extends NamedRun {
  /** Of all that is written in this place. */
  readonly bytes: number;
}

/** One NDJSON file on its way, part after part, with what it holds of whom. */
export class FileWriter {
  readonly #deps: ResponderDeps;
  readonly #name: FileName;
  readonly #hash = createHash('sha256');
  readonly #consents = new Map<string, FileConsent>();
  readonly #kept = new TextBuffer();
  readonly #targets = new TargetLines();
  /** A line that is longer than a part; it stands behind the others that wait. */
  #long = Buffer.alloc(0);
  #waiting: ExportPart[] = [];
  #runs: PartRun[] = [];
  #names: NamedRun[] = [];
  /** Of the last run. */
  #runBytes = 0;
  #bytes = 0;
  /** Of the part that is made. */
  #lines = 0;
  /** Where the part begins that is made. */
  #offset = 0;
  #count = 0;
  #underWay: Promise<void> = Promise.resolve();

  constructor(deps: ResponderDeps, name: FileName) {
    this.#deps = deps;
    this.#name = name;
  }

  isFull({ linesPerFile, maxFileBytes }: ResponderDeps['settings']): boolean {
    return this.#count >= linesPerFile || this.#end() >= maxFileBytes;
  }

  /** Whether these lines are more than a file holds that has some. */
  isFullWith({ count, bytes }: StoredLines, { linesPerFile, maxFileBytes }: ResponderDeps['settings']): boolean {
    return this.#count > 0 && (this.#count + count > linesPerFile || this.#end() + bytes > maxFileBytes);
  }

  /** `consents`: under which it is written. True when there is enough for `commit`. */
  add(line: string, target: LineTarget | undefined, consents: readonly FileConsent[]): boolean {
    if (line.length > PART_BYTES) this.#long = Buffer.from(`${line}\n`);
    else this.#bytes += this.#kept.add(line);
    if (target !== undefined) this.#targets.add(target);
    return this.#added(1, consents);
  }

  /** The same of a line with places for these records, in their order. A file has none of other kinds then. */
  addNaming(line: string, named: readonly NamedTargets[], consents: readonly FileConsent[]): boolean {
    this.#bytes += this.#kept.add(line);
    for (const { bytes, ...run } of named) {
      this.#bytes += bytes - NAMES_PLACE.length;
      this.#names.push(run);
    }
    return this.#added(1, consents);
  }

  /** The same of lines that are not kept. */
  addStored({ bytes, ...run }: StoredLines, consents: readonly FileConsent[]): boolean {
    const last = this.#runs.at(-1);
    const isOne = last?.page === run.page && last?.version === run.version && last.memberId === run.memberId;
    if (last !== undefined && isOne && this.#runBytes + bytes <= RUN_BYTES) {
      const [records, count] = [`${last.records} ${run.records}`, last.count + run.count];
      this.#runs[this.#runs.length - 1] = { ...last, records, count, idBytes: last.idBytes + run.idBytes };
    } else {
      this.#runs.push(run);
      this.#runBytes = 0;
    }
    this.#runBytes += bytes;
    this.#bytes += bytes;
    return this.#added(run.count, consents);
  }

  /** Waits for the commit before this one only: the next lines are made while this one is written. */
  async commit(): Promise<void> {
    await this.#underWay;
    cancellationSignal().throwIfAborted();
    const parts = [...(this.#bytes > 0 ? [this.#takePart()] : []), ...this.#takeLong()];
    this.#lines = 0;
    for (const part of parts) this.#digest(part);
    const [only] = parts;
    if (only === undefined) return;
    if (parts.length === 1 && only.kept.length < MUCH_BYTES && this.#waiting.length + 1 < PARTS_AT_ONCE) {
      // The bytes of what is kept are those of the next lines but one.
      this.#waiting.push({ ...only, kept: Buffer.from(only.kept) });
      return;
    }
    this.#append([...this.#waiting, ...parts]);
  }

  async close(): Promise<void> {
    await this.commit();
    await this.#underWay;
    if (this.#waiting.length > 0) this.#append(this.#waiting);
    await this.#underWay;
    await this.#deps.jobs.addFile({
      ...{ ...this.#name, count: this.#count, bytes: this.#offset, digest: this.#hash.digest('hex') },
      consents: [...this.#consents.values()],
    });
  }

  #end(): number {
    return this.#offset + this.#bytes + this.#long.length;
  }

  #added(lines: number, consents: readonly FileConsent[]): boolean {
    this.#count += lines;
    this.#lines += lines;
    for (const consent of consents) this.#consents.set(consent.patientId, consent);
    return this.#long.length > 0 || this.#bytes >= PART_BYTES || this.#lines >= PART_LINES;
  }

  #append(parts: readonly ExportPart[]): void {
    this.#waiting = [];
    this.#underWay = this.#deps.parts.append(this.#name, parts);
    // Whoever waits for it next is told; until then nobody has to.
    this.#underWay.catch(() => undefined);
  }

  #takePart(): ExportPart {
    const part = {
      ...{ offset: this.#offset, bytes: this.#bytes, runs: this.#runs, names: this.#names },
      ...{ kept: this.#kept.take(), targets: this.#targets.take() },
    };
    this.#offset += part.bytes;
    [this.#runs, this.#names, this.#bytes] = [[], [], 0];
    return part;
  }

  /** A reader is given a part as a whole: the line lies in several. */
  #takeLong(): readonly ExportPart[] {
    const parts: ExportPart[] = [];
    for (let at = 0; at < this.#long.length; at += PART_BYTES) {
      const kept = this.#long.subarray(at, at + PART_BYTES);
      const [offset, bytes, targets] = [this.#offset, kept.length, this.#targets.take()];
      parts.push({ offset, bytes, runs: [], names: [], kept, targets });
      this.#offset += kept.length;
    }
    this.#long = Buffer.alloc(0);
    return parts;
  }

  /** Of all that the bytes of the file are made of: versions do not change. */
  #digest({ offset, runs, names, kept }: ExportPart): void {
    this.#hash.update(`${offset} ${runs.length} ${kept.length}\n`);
    for (const { page, version, records } of runs) this.#hash.update(`${page ?? ''} ${version} ${records}\n`);
    for (const { type, page, records } of names) this.#hash.update(`${type} ${page} ${records}\n`);
    this.#hash.update(kept);
  }
}
