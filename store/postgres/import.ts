import type { Pool, PoolClient } from 'pg';
import { keyOf } from '../fhir-store.ts';
import type { ImportBatch, ImportCounts, ImportRow, RefusedLine, ResourceKey } from '../fhir-store.ts';
import { moveCheckpoint } from './checkpoint.ts';
import { addCounts, addRefused } from './counts.ts';
import type { MutableCounts } from './counts.ts';
import { addOpenTargets } from './open-targets.ts';
import { noteMoved } from './moved-records.ts';
import { stageRows, unstage } from './stage.ts';
import { keepStagedIds } from './staged-ids.ts';
import { keepUnchanged, knownOf, lockStaging, toStagedRow } from './staging.ts';
import type { Known } from './staging.ts';
import { inTransaction } from './transaction.ts';

/** What becomes of the rows of one batch. */
interface Sorted {
  readonly staged: readonly ImportRow[];
  readonly unchanged: readonly ResourceKey[];
  readonly refused: readonly RefusedLine[];
  readonly counts: ReadonlyMap<string, MutableCounts>;
}

/**
 * Rows, refused lines, counts and checkpoint in one transaction. The disk is not waited for: what a crash takes, it takes
 * together with the checkpoint, and the commit that says that the file is imported comes behind.
 */
export function importBatch(pool: Pool, batch: ImportBatch): Promise<ImportCounts> {
  const stage = async (client: PoolClient): Promise<ImportCounts> => {
    const publicationId = await lockStaging(client, batch.exchangeId);
    await moveCheckpoint(client, batch);
    const known = await knownOf(client, publicationId, batch.rows);
    const sorted = sortRows(batch, known);
    await stageRows(
      client,
      publicationId,
      sorted.staged.map((row) => toStagedRow(row, false)),
    );
    await noteMoved(client, among(known, sorted.staged));
    await keepStagedIds(client, publicationId, sorted.staged);
    await keepUnchanged(client, publicationId, sorted.unchanged);
    await addCounts(client, batch.exchangeId, sorted.counts);
    await addRefused(client, batch.exchangeId, [...batch.refused, ...sorted.refused]);
    const refusedNow = new Set(sorted.refused.map(({ line }) => line));
    const open = batch.openTargets.filter(({ line }) => !refusedNow.has(line));
    await addOpenTargets(client, batch.exchangeId, batch.file, open);
    return total(sorted.counts.values());
  };
  return inTransaction(pool, stage, 'with-the-next');
}

/** Staged ones of the same id are replaced; those that are visible as they are make no new version. */
export function stageGenerated(pool: Pool, exchangeId: string, rows: readonly ImportRow[]): Promise<void> {
  return inTransaction(pool, async (client) => {
    const publicationId = await lockStaging(client, exchangeId);
    await unstage(client, publicationId, rows);
    const known = await knownOf(client, publicationId, rows);
    const changed = rows.filter((row) => known.get(keyOf(row))?.visible !== row.contentHash);
    await stageRows(
      client,
      publicationId,
      changed.map((row) => toStagedRow(row, true)),
    );
    await noteMoved(client, among(known, changed));
  });
}

/** Of most rows of a first exchange nothing is known. */
function among(known: ReadonlyMap<string, Known>, rows: readonly ImportRow[]): readonly ImportRow[] {
  return known.size === 0 ? [] : rows.filter((row) => known.has(keyOf(row)));
}

/** Of several lines with one id the first stays: an equal one adds nothing, a different one is refused. */
function sortRows(batch: ImportBatch, known: ReadonlyMap<string, Known>): Sorted {
  const staged: ImportRow[] = [];
  const unchanged: ResourceKey[] = [];
  const refused: RefusedLine[] = [];
  const counts = new Map<string, MutableCounts>();
  const seen = new Map<string, string>();
  for (const row of batch.rows) {
    const key = keyOf(row);
    const before = known.get(key);
    const visible = before?.visible ?? undefined;
    const delivered = seen.get(key) ?? before?.staged ?? (before?.unchanged === true ? visible : undefined);
    const count = countsOf(counts, row.type);
    count.received += 1;
    if (delivered !== undefined && delivered !== row.contentHash) {
      count.received -= 1;
      refused.push({ file: batch.file, line: row.line ?? 0, reason: 'duplicate-id', type: row.type });
      continue;
    }
    seen.set(key, row.contentHash);
    // The same line twice was received twice, and is one record.
    if (delivered !== undefined) continue;
    if (visible === row.contentHash) {
      count.unchanged += 1;
      unchanged.push(row);
      continue;
    }
    staged.push(row);
    if (visible === undefined) count.new += 1;
    else count.updated += 1;
  }
  return { staged, unchanged, refused, counts };
}

function countsOf(counts: Map<string, MutableCounts>, type: string): MutableCounts {
  const present = counts.get(type);
  if (present !== undefined) return present;
  const fresh: MutableCounts = { received: 0, new: 0, updated: 0, unchanged: 0 };
  counts.set(type, fresh);
  return fresh;
}

function total(counts: Iterable<MutableCounts>): ImportCounts {
  const sum = { new: 0, updated: 0, unchanged: 0 };
  for (const count of counts) {
    sum.new += count.new;
    sum.updated += count.updated;
    sum.unchanged += count.unchanged;
  }
  return sum;
}
