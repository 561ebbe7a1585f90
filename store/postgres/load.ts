import { stat } from 'node:fs/promises';
import type { Pool, PoolClient } from 'pg';
import { marksOf } from '../../fhir/record-marks.ts';
import type { RefusalReason } from '../../fhir/refusals.ts';
import { keyOf } from '../fhir-store.ts';
import type { ResourceKey } from '../fhir-store.ts';
import { nextInstant, openNativePublication, publishAt } from './clock.ts';
import { readLoadFile } from './load-file.ts';
import type { LoadedRecord } from './load-document.ts';
import { movedAmong, movedMeanwhile, noteMoved } from './moved-records.ts';
import { ownersOf } from './owner.ts';
import { latestInstant } from './rows.ts';
import { stageRows } from './stage.ts';
import type { StagedRow } from './stage.ts';
import { knownOf } from './staging.ts';
import { inTransaction } from './transaction.ts';
import { contentHash } from './write.ts';

export interface LoadProgress {
  readonly file: string;
  readonly records: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface FileProblem {
  readonly line: number;
  readonly reason: RefusalReason;
}

export interface LoadedFile {
  readonly file: string;
  readonly records: number;
  readonly new: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Nothing of the file is kept where there is one. */
  readonly problems: readonly FileProblem[];
}

const RECORDS_AT_ONCE = 1000;
const TEXT_AT_ONCE = 8 * 1024 * 1024;
const MOST_PROBLEMS = 20;

/**
 * Loads files as native records, one after another, each in a transaction and a publication of its own: all of a file
 * shows at one instant, and nothing of one that holds a malformed line.
 */
export async function loadFiles(
  pool: Pool,
  files: readonly string[],
  onProgress: (progress: LoadProgress) => void = () => undefined,
): Promise<readonly LoadedFile[]> {
  const loaded: LoadedFile[] = [];
  for (const file of files) loaded.push(await loadFile(pool, file, onProgress));
  return loaded;
}

class MalformedFileError extends Error {
  override readonly name = 'MalformedFileError';
}

interface Tally {
  records: number;
  new: number;
  updated: number;
  unchanged: number;
  readonly problems: FileProblem[];
}

async function loadFile(pool: Pool, file: string, onProgress: (progress: LoadProgress) => void): Promise<LoadedFile> {
  const { size: totalBytes } = await stat(file);
  const tally: Tally = { records: 0, new: 0, updated: 0, unchanged: 0, problems: [] };
  let bytes = 0;
  const tell = (): void => onProgress({ file, records: tally.records, bytes, totalBytes });
  try {
    await inTransaction(pool, async (client) => {
      const since = await latestInstant(client);
      const publicationId = await openNativePublication(client);
      const moved: ResourceKey[] = [];
      for await (const batch of batchesOf(
        readLoadFile(file, (more) => (bytes += more)),
        tally.problems,
      )) {
        moved.push(...(await stageBatch(client, publicationId, batch, tally)));
        tell();
      }
      if (tally.problems.length > 0) throw new MalformedFileError();
      if (tally.new + tally.updated === 0) return;
      const instant = await nextInstant(client);
      await noteMoved(client, [...moved, ...(await movedMeanwhile(client, publicationId, since))]);
      await publishAt(client, publicationId, instant);
    });
  } catch (error) {
    // Thrown to take everything back; what was wrong is in the tally.
    if (!(error instanceof MalformedFileError)) throw error;
    return { file, records: tally.records, new: 0, updated: 0, unchanged: 0, problems: tally.problems };
  }
  return { file, ...tally };
}

/** From the first problem on the file is only read to find the others. */
async function* batchesOf(
  source: ReturnType<typeof readLoadFile>,
  problems: FileProblem[],
): AsyncGenerator<readonly LoadedRecord[]> {
  let batch: LoadedRecord[] = [];
  let size = 0;
  for await (const item of source) {
    if (item.kind === 'problem') problems.push({ line: item.line, reason: item.reason });
    if (problems.length >= MOST_PROBLEMS) return;
    if (problems.length > 0 || item.kind === 'problem') continue;
    batch.push(item);
    size += item.text.length;
    if (batch.length < RECORDS_AT_ONCE && size < TEXT_AT_ONCE) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (problems.length === 0 && batch.length > 0) yield batch;
}

/** Answers those that lay in another compartment before. */
async function stageBatch(
  client: PoolClient,
  publicationId: string,
  batch: readonly LoadedRecord[],
  tally: Tally,
): Promise<readonly ResourceKey[]> {
  const known = await knownOf(client, publicationId, batch);
  const owners = await ownersOf(client, batch, publicationId);
  const seen = new Map<string, string>();
  const staged: StagedRow[] = [];
  for (const { type, id, text, line } of batch) {
    const key = keyOf({ type, id });
    const hash = contentHash(text);
    const before = known.get(key);
    const earlier = seen.get(key) ?? before?.staged ?? undefined;
    tally.records += 1;
    if (earlier !== undefined && earlier !== hash) {
      tally.problems.push({ line, reason: 'duplicate-id' });
    } else if (earlier !== undefined || before?.visible === hash) {
      tally.unchanged += 1;
    } else {
      if (before?.visible) tally.updated += 1;
      else tally.new += 1;
      const state = { evidence: false, generated: false, deleted: false };
      const kept = { contentHash: hash, content: text, marks: marksOf(text, new Date().getUTCFullYear()) };
      staged.push({ type, id, patientId: owners.get(key), ...state, ...kept });
    }
    seen.set(key, earlier ?? hash);
  }
  await stageRows(client, publicationId, staged);
  return movedAmong(
    client,
    staged.filter((row) => known.has(keyOf(row))),
  );
}
