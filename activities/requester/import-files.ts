import { heartbeat } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { inImportOrder } from '../../fhir/import-order.ts';
import { linesOfChunks } from '../../fhir/ndjson.ts';
import type { Line } from '../../fhir/ndjson.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import { readKept } from '../../store/kept-content.ts';
import type { FilePosition } from '../../store/fhir-store.ts';
import type { FileShareInput } from './download-files.ts';
import { cutForeignLines } from './cut-foreign-lines.ts';
import type { RequesterDeps } from './deps.ts';
import { deletionsOf } from './deletion-batch.ts';
import { importBatchOf } from './import-batch.ts';
import type { NumberedLine } from './import-batch.ts';
import { exchangeContext } from './import-context.ts';
import type { ExchangeContext } from './import-context.ts';
import { targetLookup } from './target-lookup.ts';
import type { TargetLookup } from './target-lookup.ts';

const BATCH_LINES = 1000;
const BATCH_BYTES = 2 * 1024 * 1024;

const PATIENT_DELETION = {
  code: 'patient-deletion',
  text: 'The responding payer says that it deleted the Patient of this member; the Patient that it sent is kept.',
};

/** Stages the records of a share of the files, in the order in which they are imported, each from its last checkpoint on. */
export function importFiles(deps: RequesterDeps) {
  return async ({ taskId, first, last }: FileShareInput): Promise<void> => {
    const context = await exchangeContext(deps, await deps.exchanges.load(taskId));
    const lookup = targetLookup(deps, taskId, context);
    const ordered = inImportOrder(await deps.files.list(taskId));
    // An exchange that began under an older version had its files in another order: the last share takes what is left.
    const from = last === ordered.length - 1 ? 0 : first;
    for (const file of ordered.slice(from, last + 1)) {
      if (file.imported) continue;
      let end = { line: file.importedLine, offset: file.importedOffset };
      if (file.list === 'output') {
        end = await importFile(deps, file, importInto(deps, context, lookup, file));
        await cutForeignLines(deps, file);
      }
      if (file.list === 'deleted') end = await importFile(deps, file, deleteBy(deps, context, file));
      if (await deps.files.finishImport(taskId, file.number, end)) continue;
      throw new ExchangeError('unavailable', { detail: 'The database has lost the end of the import of a file.' });
    }
  };
}

/** Prepares one batch of lines of a file; what comes back stages it and moves the checkpoint. */
type PrepareBatch = (
  lines: readonly NumberedLine[],
  from: FilePosition,
  checkpoint: FilePosition,
) => Promise<{ readonly refused: number; stage(): Promise<unknown> }>;

function importInto(
  { fhir }: RequesterDeps,
  context: ExchangeContext,
  lookup: TargetLookup,
  file: ExchangeFile,
): PrepareBatch {
  return async (lines, from, checkpoint) => {
    const prepared = await importBatchOf(context, lookup, file, lines);
    const batch = { exchangeId: file.exchangeId, file: file.number, ...prepared, from, checkpoint };
    return { refused: prepared.refused.length, stage: () => fhir.importBatch(batch) };
  };
}

/** The warning comes first: a crash behind the batch would lose it. */
function deleteBy({ exchanges, fhir }: RequesterDeps, context: ExchangeContext, file: ExchangeFile): PrepareBatch {
  return async (lines, from, checkpoint) => {
    const { namesMember, ...prepared } = deletionsOf(context, file, lines);
    if (namesMember) await exchanges.addWarning(file.exchangeId, PATIENT_DELETION);
    const batch = { exchangeId: file.exchangeId, file: file.number, ...prepared, from, checkpoint };
    return { refused: prepared.refused.length, stage: () => fhir.deleteBatch(batch) };
  };
}

/** So many batches wait for the database, or are on their way into it, while the next one is prepared. */
const BATCHES_AHEAD = 2;

/** Answers where the file ended. */
async function importFile(deps: RequesterDeps, file: ExchangeFile, prepare: PrepareBatch): Promise<FilePosition> {
  const staged = new Staging();
  let from = { line: file.importedLine, offset: file.importedOffset };
  try {
    for await (const lines of batches(deps, file)) {
      const end = lines.at(-1);
      if (end === undefined) continue;
      const checkpoint = { line: file.importedLine + end.number, offset: file.importedOffset + end.end };
      const numbered = lines.map((line) => ({ line, number: file.importedLine + line.number }));
      const { refused, stage } = await prepare(numbered, from, checkpoint);
      await staged.add(stage);
      heartbeat({ file: file.number, line: checkpoint.line });
      if (refused > 0) {
        await staged.all();
        await assertFewRefused(deps, file);
      }
      from = checkpoint;
    }
    await staged.all();
  } finally {
    // Nothing is on its way any more when the step has ended.
    await staged.settled();
  }
  await assertFewRefused(deps, file);
  return from;
}

/** Batches go into the database one after the other while the next ones are prepared. */
class Staging {
  #last: Promise<unknown> = Promise.resolve();
  readonly #ahead: Promise<unknown>[] = [];

  /** Waits until there is room. Throws what went wrong with an earlier one. */
  async add(stage: () => Promise<unknown>): Promise<void> {
    this.#last = this.#last.then(stage);
    // Looked at when its turn comes, or at the end: until then nobody hears of its failure.
    this.#last.catch(() => undefined);
    this.#ahead.push(this.#last);
    if (this.#ahead.length > BATCHES_AHEAD) await this.#ahead.shift();
  }

  async all(): Promise<void> {
    await this.#last;
  }

  async settled(): Promise<void> {
    await this.#last.catch(() => undefined);
  }
}

async function* batches({ blobs, settings }: RequesterDeps, file: ExchangeFile): AsyncGenerator<readonly Line[]> {
  const bytes = readKept(blobs, file, file.importedOffset);
  let batch: Line[] = [];
  let size = 0;
  for await (const lines of linesOfChunks(bytes, { maxLineBytes: settings.maxLineBytes })) {
    for (const line of lines) {
      batch.push(line);
      size += line.bytes.length;
      if (batch.length < BATCH_LINES && size < BATCH_BYTES) continue;
      yield batch;
      batch = [];
      size = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

async function assertFewRefused({ fhir, settings }: RequesterDeps, { exchangeId }: ExchangeFile): Promise<void> {
  const { maxRefusedLines, foreignLines } = settings;
  const refused = await fhir.refusedLines(exchangeId, maxRefusedLines + 1);
  if (foreignLines === 'fail' && refused.some(({ reason }) => reason === 'foreign-member')) {
    throw new ExchangeError('foreign-member');
  }
  if (refused.length > maxRefusedLines) throw new ExchangeError('too-many-refused-lines');
}
