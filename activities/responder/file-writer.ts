import { createHash } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import type { ExportFile, FileConsent } from '../../store/export-files.ts';
import type { ExportPart, PartLine } from '../../store/export-parts.ts';
import type { ResponderDeps } from './deps.ts';
import { TargetLines } from './target-list.ts';
import type { LineTarget } from './target-list.ts';
import { TextBuffer } from './text-buffer.ts';

/** A part is read as a whole when it is downloaded. */
const PART_BYTES = 1024 * 1024;
const PART_LINES = 2000;
/** To tell the database of parts costs more than they do, unless they keep much. */
const PARTS_AT_ONCE = 4;
const MUCH_BYTES = 64 * 1024;

export interface FileName {
  readonly jobId: string;
  readonly type: string;
  readonly number: number;
  readonly list: ExportFile['list'];
}

/** A line that goes out as its record is stored. */
export interface StoredLine extends PartLine {
  /** Of the line, with its end. */
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
  #lines: (PartLine | undefined)[] = [];
  #hasStored = false;
  #bytes = 0;
  /** Where the part begins that is made. */
  #offset = 0;
  #count = 0;
  #underWay: Promise<void> = Promise.resolve();

  constructor(deps: ResponderDeps, name: FileName) {
    this.#deps = deps;
    this.#name = name;
  }

  isFull({ linesPerFile, maxFileBytes }: ResponderDeps['settings']): boolean {
    return this.#count >= linesPerFile || this.#offset + this.#bytes + this.#long.length >= maxFileBytes;
  }

  /** `consents`: under which it is written. True when there is enough for `commit`. */
  add(line: string | StoredLine, target: LineTarget | undefined, consents: readonly FileConsent[]): boolean {
    if (typeof line === 'string' && line.length > PART_BYTES) this.#long = Buffer.from(`${line}\n`);
    else if (typeof line === 'string') {
      this.#bytes += this.#kept.add(line);
      this.#lines.push(undefined);
    } else {
      this.#bytes += line.bytes;
      this.#lines.push(line);
      this.#hasStored = true;
    }
    this.#count++;
    if (target !== undefined) this.#targets.add(target);
    for (const consent of consents) this.#consents.set(consent.patientId, consent);
    return this.#long.length > 0 || this.#bytes >= PART_BYTES || this.#lines.length >= PART_LINES;
  }

  /** Waits for the commit before this one only: the next lines are made while this one is written. */
  async commit(): Promise<void> {
    await this.#underWay;
    cancellationSignal().throwIfAborted();
    const parts = [...(this.#lines.length > 0 ? [this.#takePart()] : []), ...this.#takeLong()];
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

  #append(parts: readonly ExportPart[]): void {
    this.#waiting = [];
    this.#underWay = this.#deps.parts.append(this.#name, parts);
    // Whoever waits for it next is told; until then nobody has to.
    this.#underWay.catch(() => undefined);
  }

  #takePart(): ExportPart {
    const part = {
      ...{ offset: this.#offset, bytes: this.#bytes, lines: this.#hasStored ? this.#lines : [] },
      ...{ kept: this.#kept.take(), targets: this.#targets.take() },
    };
    this.#offset += part.bytes;
    [this.#lines, this.#bytes, this.#hasStored] = [[], 0, false];
    return part;
  }

  /** A reader is given a part as a whole: the line lies in several. */
  #takeLong(): readonly ExportPart[] {
    const parts: ExportPart[] = [];
    for (let at = 0; at < this.#long.length; at += PART_BYTES) {
      const kept = this.#long.subarray(at, at + PART_BYTES);
      parts.push({ offset: this.#offset, bytes: kept.length, lines: [], kept, targets: this.#targets.take() });
      this.#offset += kept.length;
    }
    this.#long = Buffer.alloc(0);
    return parts;
  }

  /** Of all that the bytes of the file are made of: versions do not change. */
  #digest({ offset, lines, kept }: ExportPart): void {
    this.#hash.update(`${offset} ${lines.length} ${kept.length}\n`);
    this.#hash.update(lines.map((line) => (line === undefined ? '\n' : `${line.id} ${line.version}\n`)).join(''));
    this.#hash.update(kept);
  }
}
