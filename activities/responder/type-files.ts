import { withheld } from '../../fhir/disclosure.ts';
import type { Disclosed } from '../../fhir/disclosure.ts';
import { hasPlainMeta, isListed, isOver, isUnmarked } from '../../fhir/record-marks.ts';
import type { Unmarked } from '../../fhir/record-marks.ts';
import { withStoredMeta } from '../../fhir/stored-text.ts';
import type { ExportJob } from '../../store/export-jobs.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import type { RecordRun } from '../../store/record-run.ts';
import { LONG_RECORD_BYTES } from '../../store/record-batch.ts';
import type { BatchRecord, RecordBatch } from '../../store/record-batch.ts';
import type { ResponderDeps } from './deps.ts';
import { isInTime, isWrittenWhole, lineOf } from './export-line.ts';
import type { LineOf } from './export-line.ts';
import type { ExportScope } from './export-scope.ts';
import { FileSeries } from './file-series.ts';
import type { StoredLines } from './file-writer.ts';
import { tellingReferences } from './reference-collector.ts';
import type { ReferenceCollector } from './reference-collector.ts';
import { WithheldTally } from './withheld-tally.ts';

type Line = string | StoredLines;

const LOOK_BACK = withheld('look-back');

/** The files of the members' records of one type, and beside them what these refer to and what was withheld. */
export class TypeFiles {
  readonly #deps: ResponderDeps;
  readonly #job: ExportJob;
  readonly #type: string;
  readonly #files: FileSeries;
  readonly #lineOf: LineOf;
  readonly #isWrittenWhole: boolean;
  readonly #references: ReferenceCollector | undefined;
  readonly #tally = new WithheldTally();

  /** `references`: where what the records refer to is collected; absent: nothing of it goes along. */
  constructor(deps: ResponderDeps, job: ExportJob, type: string, references: ReferenceCollector | undefined) {
    this.#deps = deps;
    this.#job = job;
    this.#type = type;
    this.#files = new FileSeries(deps, { jobId: job.id, type, from: 0 });
    this.#lineOf = lineOf(job);
    this.#isWrittenWhole = isWrittenWhole(job, type);
    this.#references = references;
  }

  /** What goes out as it is stored, and is not read. */
  unmarked(scope: ExportScope): Unmarked | undefined {
    const unmarked = this.#isWrittenWhole ? scope.unmarked(this.#type) : undefined;
    return this.#references === undefined ? unmarked : tellingReferences(unmarked);
  }

  /** The records of `rest` are left to `write`. */
  async writeRuns(runs: readonly RecordRun[], scope: ExportScope): Promise<void> {
    for (const run of runs) {
      if (run.kind === 'over') this.#count(run, LOOK_BACK, run.count);
      if (run.kind === 'unmarked') await this.#writeRun(run, scope);
    }
    await this.#references?.storeMany();
  }

  async write(batch: RecordBatch, scope: ExportScope): Promise<void> {
    const unmarked = scope.unmarked(this.#type);
    for (const record of batch) {
      const disclosed = this.#line(record, scope, unmarked);
      // A promise for each of very many records takes longer than all that is done with most of them.
      const line = disclosed instanceof Promise ? await disclosed : disclosed;
      if (line !== undefined && this.#add(line, record, scope)) await this.#files.settle();
    }
    await this.#references?.storeMany();
  }

  /** A part is of the members of one scope: what it says of whom its lines are has no order of members. */
  async endScope(): Promise<void> {
    await this.#files.settle();
  }

  async close(): Promise<{ readonly files: number; readonly resources: number }> {
    await this.#files.close();
    await this.#deps.jobs.countWithheld(this.#job.id, this.#tally.counts());
    this.#tally.tell(this.#deps.countWithheld);
    return { files: this.#files.files, resources: this.#files.lines };
  }

  #line(
    record: BatchRecord,
    scope: ExportScope,
    unmarked: Unmarked | undefined,
  ): Line | undefined | Promise<Line | undefined> {
    if (unmarked !== undefined && isOver(record.marks, unmarked)) {
      if (scope.reaches(record)) this.#count(record, LOOK_BACK);
      return undefined;
    }
    if (this.#isWrittenWhole && unmarked !== undefined && isUnmarked(record.marks, unmarked)) {
      return scope.reaches(record) ? this.#asStored(record, scope) : undefined;
    }
    return this.#disclosedLine(record, scope, unmarked !== undefined);
  }

  /** What it refers to goes along even where it has not changed itself: a practitioner may have. */
  async #writeRun(run: RecordRun, scope: ExportScope): Promise<void> {
    this.#references?.addListed(run.sharedReferences);
    if (!isInTime(this.#job, run)) return;
    const memberId = scope.memberOf(run);
    const { page, version, rows: records, count, bytes, idBytes } = run;
    const lines = { memberId, page, version, records, count, bytes, idBytes };
    await this.#files.makeRoomFor(lines);
    if (this.#files.addStored(lines, scope.consentsOf(memberId))) await this.#files.settle();
  }

  #count(records: Pick<StoredResource, 'lastUpdated'>, disclosed: Disclosed, count = 1): void {
    if (isInTime(this.#job, records)) this.#tally.add(this.#type, disclosed, count);
  }

  /** `byRules`: only rules decide, which do not ask who wrote it when; so what is withheld needs no `meta` of ours. */
  #disclosedLine(
    record: BatchRecord,
    scope: ExportScope,
    byRules: boolean,
  ): Line | undefined | Promise<Line | undefined> {
    const text = byRules ? record.storedText : record.text;
    const lineOf = (disclosed: Disclosed | undefined): Line | undefined => {
      if (disclosed !== undefined) this.#count(record, disclosed);
      if (disclosed?.kind !== 'shown') return undefined;
      const isStored = byRules && disclosed.text === text && this.#isWrittenWhole && hasPlainMeta(record.marks);
      if (isStored) return this.#asStored(record, scope);
      return this.#lineOfShown(byRules ? withStoredMeta(disclosed.text, record) : disclosed.text);
    };
    const disclosed = scope.disclose(record, text);
    return disclosed instanceof Promise ? disclosed.then(lineOf) : lineOf(disclosed);
  }

  #asStored(record: BatchRecord, scope: ExportScope): Line {
    if (isListed(record.marks)) this.#references?.addListed(record.sharedReferences);
    else this.#references?.add(record.storedText);
    if (record.size > LONG_RECORD_BYTES) return record.text;
    const { id, version, size, stampSize } = record;
    // Records of everything that is stored do not come page by page, and are joined by their publication.
    const place = this.#job.level === 'system' ? undefined : record.place;
    const sizes = { count: 1, bytes: size + stampSize + 1, idBytes: id.length };
    const lines = { memberId: scope.memberOf(record), version, ...sizes };
    return { ...lines, page: place?.page, records: place === undefined ? id : String(place.row) };
  }

  /** The same of a text that is not as it is stored. */
  #lineOfShown(text: string): string | undefined {
    const line = this.#lineOf(this.#type, text);
    if (line !== undefined) this.#references?.add(line);
    return line;
  }

  /** True when the files have to settle before the next line. */
  #add(line: Line, record: StoredResource, scope: ExportScope): boolean {
    if (!isInTime(this.#job, record)) return false;
    const member = scope.memberOf(record);
    if (typeof line !== 'string') return this.#files.addStored(line, scope.consentsOf(member));
    const target = member === undefined ? undefined : { member, id: record.id };
    return this.#files.add(line, target, scope.consentsOf(member));
  }
}
