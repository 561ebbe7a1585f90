import { heartbeat } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { inImportOrder } from '../../fhir/import-order.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import { linesOfChunks } from '../../fhir/ndjson.ts';
import type { Line } from '../../fhir/ndjson.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import { readKept } from '../../store/kept-content.ts';
import type { FilePosition } from '../../store/fhir-store.ts';
import type { FileShareInput } from './download-files.ts';
import { cutForeignLines } from './cut-foreign-lines.ts';
import type { RequesterDeps } from './deps.ts';
import { deletionsOf } from './deletion-batch.ts';
import type { ReceivedLine } from './import-threads.ts';
import { exchangeContext } from './import-context.ts';
import type { ImportThread } from './import-threads.ts';
import { StagingQueue } from './staging-queue.ts';
import type { Prepared } from './staging-queue.ts';

const BATCH_LINES = 1000;
const BATCH_BYTES = 1024 * 1024;

const PATIENT_DELETION = {
  code: 'patient-deletion',
  text: 'The responding payer says that it deleted the Patient of this member; the Patient that it sent is kept.',
};

/** Stages the records of a share of the files, in the order in which they are imported, each from its last checkpoint on. */
export function importFiles(deps: RequesterDeps) {
  return async ({ taskId, first, last }: FileShareInput): Promise<void> => {
    const context = await exchangeContext(deps, await deps.exchanges.load(taskId));
    const ordered = inImportOrder(await deps.files.list(taskId));
    // An exchange that began under an older version had its files in another order: the last share takes what is left.
    const from = last === ordered.length - 1 ? 0 : first;
    const thread = await deps.threads.open(taskId, context, deps.fhir);
    try {
      for (const file of ordered.slice(from, last + 1))
        if (!file.imported) await importOne(deps, context, thread, file);
    } finally {
      thread.close();
    }
  };
}

async function importOne(
  deps: RequesterDeps,
  context: ExchangeContext,
  thread: ImportThread,
  file: ExchangeFile,
): Promise<void> {
  let end = { line: file.importedLine, offset: file.importedOffset };
  if (file.list === 'output') {
    end = await importFile(deps, file, importInto(deps, thread, file));
    await cutForeignLines(deps, file);
  }
  if (file.list === 'deleted') end = await importFile(deps, file, deleteBy(deps, context, file));
  if (await deps.files.finishImport(file.exchangeId, file.number, end)) return;
  throw new ExchangeError('unavailable', { detail: 'The database has lost the end of the import of a file.' });
}

/** Prepares one batch of lines of a file; what comes back stages it and moves the checkpoint. */
type PrepareBatch = (lines: readonly ReceivedLine[], from: FilePosition, checkpoint: FilePosition) => Promise<Prepared>;

function importInto({ fhir }: RequesterDeps, thread: ImportThread, file: ExchangeFile): PrepareBatch {
  return async (lines, from, checkpoint) => {
    const prepared = await thread.prepare(file, lines);
    const { rows, refused, openTargets } = prepared;
    const batch = { exchangeId: file.exchangeId, file: file.number, rows, refused, openTargets, from, checkpoint };
    const stage = async (): Promise<void> => {
      await fhir.importBatch(batch);
      prepared.release();
    };
    return { refused: refused.length, stage };
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

/** Answers where the file ended. */
async function importFile(deps: RequesterDeps, file: ExchangeFile, prepare: PrepareBatch): Promise<FilePosition> {
  const queue = new StagingQueue(() => assertFewRefused(deps, file));
  let from = { line: file.importedLine, offset: file.importedOffset };
  try {
    for await (const lines of batches(deps, file)) {
      const end = lines.at(-1);
      if (end === undefined) continue;
      const checkpoint = { line: file.importedLine + end.number, offset: file.importedOffset + end.end };
      const received = lines.map(({ number, bytes, tooLong }) => ({
        ...{ number: file.importedLine + number, bytes, tooLong },
      }));
      await queue.add(prepare(received, from, checkpoint));
      heartbeat({ file: file.number, line: checkpoint.line });
      from = checkpoint;
    }
    await queue.all();
  } finally {
    // Nothing is on its way any more when the step has ended.
    await queue.settled();
  }
  await assertFewRefused(deps, file);
  return from;
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
