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
    for (const file of ordered.slice(first, last + 1)) {
      if (file.imported) continue;
      if (file.list === 'output') {
        await importFile(deps, file, importInto(deps, context, lookup, file));
        await cutForeignLines(deps, file);
      }
      if (file.list === 'deleted') await importFile(deps, file, deleteBy(deps, context, file));
      await deps.files.change(taskId, file.number, { imported: true });
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

/** While the database takes one batch in, the next one is prepared. */
async function importFile(deps: RequesterDeps, file: ExchangeFile, prepare: PrepareBatch): Promise<void> {
  let from = { line: file.importedLine, offset: file.importedOffset };
  let staging: Promise<unknown> = Promise.resolve();
  for await (const lines of batches(deps, file)) {
    const end = lines.at(-1);
    if (end === undefined) continue;
    const checkpoint = { line: file.importedLine + end.number, offset: file.importedOffset + end.end };
    const numbered = lines.map((line) => ({ line, number: file.importedLine + line.number }));
    const { refused, stage } = await prepare(numbered, from, checkpoint);
    await staging;
    staging = stage();
    // Waited for before the next batch is staged, or at the end: until then nobody hears of its failure.
    staging.catch(() => undefined);
    heartbeat({ file: file.number, line: checkpoint.line });
    if (refused > 0) {
      await staging;
      await assertFewRefused(deps, file);
    }
    from = checkpoint;
  }
  await staging;
  await assertFewRefused(deps, file);
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
