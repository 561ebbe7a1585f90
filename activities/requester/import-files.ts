import { heartbeat } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { splitLines } from '../../fhir/ndjson.ts';
import type { Line } from '../../fhir/ndjson.ts';
import { keptBlob } from '../../store/exchange-files.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { FilePosition } from '../../store/fhir-store.ts';
import type { FileShareInput } from './download-files.ts';
import type { RequesterDeps } from './deps.ts';
import { deletionsOf } from './deletion-batch.ts';
import { importBatchOf } from './import-batch.ts';
import type { NumberedLine } from './import-batch.ts';
import { exchangeContext } from './import-context.ts';
import type { ExchangeContext } from './import-context.ts';
import { targetLookup } from './target-lookup.ts';
import type { TargetLookup } from './target-lookup.ts';

const BATCH_LINES = 500;
const BATCH_BYTES = 4 * 1024 * 1024;

const PATIENT_DELETION = {
  code: 'patient-deletion',
  text: 'The responding payer says that it deleted the Patient of this member; the Patient that it sent is kept.',
};

/** Stages the records of a share of files, each from its last checkpoint on. */
export function importFiles(deps: RequesterDeps) {
  return async ({ taskId, first, last }: FileShareInput): Promise<void> => {
    const context = await exchangeContext(deps, await deps.exchanges.load(taskId));
    const lookup = targetLookup(deps, taskId, context);
    for (let number = first; number <= last; number++) {
      const file = await deps.files.get(taskId, number);
      if (file.imported) continue;
      if (file.list === 'output') await importFile(deps, file, importInto(deps, context, lookup, file));
      if (file.list === 'deleted') await importFile(deps, file, deleteBy(deps, context, file));
      await deps.files.change(taskId, number, { imported: true });
    }
  };
}

/** Stages one batch of lines of a file and moves its checkpoint; answers how many lines it refused. */
type StageBatch = (lines: readonly NumberedLine[], from: FilePosition, checkpoint: FilePosition) => Promise<number>;

function importInto(
  { fhir }: RequesterDeps,
  context: ExchangeContext,
  lookup: TargetLookup,
  file: ExchangeFile,
): StageBatch {
  return async (lines, from, checkpoint) => {
    const prepared = await importBatchOf(context, lookup, file, lines);
    await fhir.importBatch({ exchangeId: file.exchangeId, file: file.number, ...prepared, from, checkpoint });
    return prepared.refused.length;
  };
}

/** The warning comes first: a crash behind the batch would lose it. */
function deleteBy({ exchanges, fhir }: RequesterDeps, context: ExchangeContext, file: ExchangeFile): StageBatch {
  return async (lines, from, checkpoint) => {
    const { namesMember, ...prepared } = deletionsOf(context, file, lines);
    if (namesMember) await exchanges.addWarning(file.exchangeId, PATIENT_DELETION);
    await fhir.deleteBatch({ exchangeId: file.exchangeId, file: file.number, ...prepared, from, checkpoint });
    return prepared.refused.length;
  };
}

async function importFile(deps: RequesterDeps, file: ExchangeFile, stage: StageBatch): Promise<void> {
  const numbering = receivedNumbers(await foreignLines(deps, file));
  let from = { line: file.importedLine, offset: file.importedOffset };
  for await (const lines of batches(deps, file)) {
    const end = lines.at(-1);
    if (end === undefined) continue;
    const checkpoint = { line: file.importedLine + end.number, offset: file.importedOffset + end.end };
    const numbered = lines.map((line) => ({ line, number: numbering(file.importedLine + line.number) }));
    const refused = await stage(numbered, from, checkpoint);
    heartbeat({ file: file.number, line: checkpoint.line });
    if (refused > 0) await assertFewRefused(deps, file.exchangeId);
    from = checkpoint;
  }
  await assertFewRefused(deps, file.exchangeId);
}

async function* batches({ blobs, settings }: RequesterDeps, file: ExchangeFile): AsyncGenerator<readonly Line[]> {
  const bytes = blobs.read(keptBlob(file.exchangeId, file.number), file.importedOffset);
  let batch: Line[] = [];
  let size = 0;
  for await (const line of splitLines(bytes, { maxLineBytes: settings.maxLineBytes })) {
    batch.push(line);
    size += line.bytes.length;
    if (batch.length < BATCH_LINES && size < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield batch;
}

async function assertFewRefused({ fhir, settings }: RequesterDeps, exchangeId: string): Promise<void> {
  const { maxRefusedLines } = settings;
  const refused = await fhir.refusedLines(exchangeId, maxRefusedLines + 1);
  if (refused.length > maxRefusedLines) throw new ExchangeError('too-many-refused-lines');
}

/** Numbers, as received, of the lines of other members that were cut out of the kept file. */
async function foreignLines({ fhir, settings }: RequesterDeps, file: ExchangeFile): Promise<readonly number[]> {
  const refused = await fhir.refusedLines(file.exchangeId, settings.maxRefusedLines + 1);
  return refused
    .filter(({ file: number, reason }) => number === file.number && reason === 'foreign-member')
    .map(({ line }) => line)
    .sort((a, b) => a - b);
}

/** From the number of a line in the kept file to its number in the received one, by which it is reported. */
function receivedNumbers(cut: readonly number[]): (kept: number) => number {
  return (kept) => cut.reduce((number, line) => (line <= number ? number + 1 : number), kept);
}
