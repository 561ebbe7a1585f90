import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { keyOf } from '../fhir-store.ts';
import type { DeletionBatch, DeletionCounts, ResourceKey } from '../fhir-store.ts';
import { moveCheckpoint } from './checkpoint.ts';
import { addDeletions, addRefused } from './counts.ts';
import { keyColumns, newestOfKey } from './rows.ts';
import { placedRows, rewritePages } from './record-pages.ts';
import { unstage } from './stage.ts';
import { lockStaging, SHARED_TYPE_LIST } from './staging.ts';
import { inTransaction } from './transaction.ts';

type Fate = keyof DeletionCounts;
type MutableDeletions = { -readonly [Name in Fate]: number };

/** One line may hold a Bundle of any number of deletions. */
const TARGETS_AT_ONCE = 5000;
const NO_TEXT = createHash('sha256').digest('hex');

/**
 * What becomes of a key `k(type, id)` that is to be deleted. Ids in the compartment are derived from payer and member, so
 * that whatever came from others lies under other ids; a shared record belongs to every exchange that brought it.
 * `v` is its visible version, $1 the types that are shared, $2 the exchange.
 */
const FATE = `CASE
    WHEN v.deleted IS NOT FALSE THEN 'unknown'
    WHEN k.type = 'Patient' OR v.exchange_id IS NULL OR v.generated OR v.evidence THEN 'kept'
    WHEN k.type = ANY($1::text[]) AND EXISTS (
      SELECT 1 FROM (
        SELECT r.publication_id FROM resource r WHERE r.type = k.type AND r.id = k.id AND NOT r.deleted
        UNION ALL
        SELECT u.publication_id FROM unchanged_resource u WHERE u.type = k.type AND u.id = k.id
      ) b
      JOIN publication p ON p.id = b.publication_id AND p.published_at IS NOT NULL AND p.exchange_id IS NOT NULL
      LEFT JOIN exchange o ON o.id = p.exchange_id
      WHERE o.local_patient_id IS DISTINCT FROM (SELECT e.local_patient_id FROM exchange e WHERE e.id = $2)
    ) THEN 'kept'
    ELSE 'deleted' END`;

const VISIBLE = `LEFT JOIN LATERAL ${newestOfKey('r.deleted, r.generated, r.evidence, p.exchange_id')} v ON true`;

/** Tombstones, refused lines, counts and checkpoint in one transaction. */
export function deleteBatch(pool: Pool, batch: DeletionBatch): Promise<DeletionCounts> {
  return inTransaction(pool, async (client) => {
    const publicationId = await lockStaging(client, batch.exchangeId);
    await moveCheckpoint(client, batch);
    const counts = new Map<string, MutableDeletions>();
    const targets = [...new Map(batch.targets.map((target) => [keyOf(target), target])).values()];
    for (let at = 0; at < targets.length; at += TARGETS_AT_ONCE) {
      const fates = await fatesOf(client, batch.exchangeId, publicationId, targets.slice(at, at + TARGETS_AT_ONCE));
      await stageTombstones(
        client,
        publicationId,
        fates.filter(({ fate }) => fate === 'deleted'),
      );
      for (const { type, fate } of fates) countsOf(counts, type)[fate] += 1;
    }
    await addDeletions(client, batch.exchangeId, counts);
    await addRefused(client, batch.exchangeId, batch.refused);
    return total(counts.values());
  });
}

/**
 * Looks once more at what this exchange deletes, at its publication, under the clock's lock: what another one has brought
 * for its member meanwhile, or an operator has changed or deleted, is not taken away.
 */
export async function settleDeletions(client: PoolClient, exchangeId: string, publicationId: string): Promise<void> {
  const { rows } = await client.query<ResourceKey & { readonly fate: Fate }>(
    `SELECT * FROM (
       SELECT k.type, k.id, ${FATE} AS fate FROM resource k ${VISIBLE} WHERE k.publication_id = $3 AND k.deleted
     ) f WHERE fate <> 'deleted'`,
    [SHARED_TYPE_LIST, exchangeId, publicationId],
  );
  if (rows.length === 0) return;
  await unstage(client, publicationId, rows);
  const counts = new Map<string, MutableDeletions>();
  for (const { type, fate } of rows) {
    const count = countsOf(counts, type);
    count.deleted -= 1;
    count[fate] += 1;
  }
  await addDeletions(client, exchangeId, counts);
}

/** Without those that this exchange has staged before. What it delivers is kept: deletions are the last of its files. */
async function fatesOf(
  client: PoolClient,
  exchangeId: string,
  publicationId: string,
  targets: readonly ResourceKey[],
): Promise<readonly (ResourceKey & { readonly fate: Fate })[]> {
  const { rows } = await client.query<ResourceKey & { readonly fate: Fate }>(
    `SELECT k.type, k.id, CASE WHEN s.id IS NOT NULL OR d.id IS NOT NULL THEN 'kept' ELSE ${FATE} END AS fate
     FROM unnest($3::text[], $4::text[]) AS k(type, id)
     LEFT JOIN resource s ON s.type = k.type AND s.id = k.id AND s.publication_id = $5
     LEFT JOIN unchanged_resource d ON d.publication_id = $5 AND d.type = k.type AND d.id = k.id
     ${VISIBLE}
     WHERE s.deleted IS NOT TRUE`,
    [SHARED_TYPE_LIST, exchangeId, ...keyColumns(targets), publicationId],
  );
  return rows;
}

/** A tombstone stays in the compartment, so that an export can tell of the deletion. */
async function stageTombstones(client: PoolClient, publicationId: string, keys: readonly ResourceKey[]): Promise<void> {
  if (keys.length === 0) return;
  const tombstones = placedRows(`SELECT k.type, k.id, v.patient_id FROM unnest($1::text[], $2::text[]) AS k(type, id)
    JOIN LATERAL ${newestOfKey('r.patient_id')} v ON true`);
  const { rows } = await client.query<{ page_id: string | null }>(
    `INSERT INTO resource (type, id, publication_id, patient_id, deleted, content_hash, content, page_id, page_row)
     SELECT type, id, $3, patient_id, true, decode($4, 'hex'), '', page_id, page_row FROM (${tombstones}) t
     RETURNING page_id`,
    [...keyColumns(keys), publicationId, NO_TEXT],
  );
  await rewritePages(
    client,
    rows.map(({ page_id }) => page_id),
  );
}

function countsOf(counts: Map<string, MutableDeletions>, type: string): MutableDeletions {
  const present = counts.get(type);
  if (present !== undefined) return present;
  const fresh: MutableDeletions = { deleted: 0, kept: 0, unknown: 0 };
  counts.set(type, fresh);
  return fresh;
}

function total(counts: Iterable<DeletionCounts>): DeletionCounts {
  const sum: MutableDeletions = { deleted: 0, kept: 0, unknown: 0 };
  for (const count of counts) {
    sum.deleted += count.deleted;
    sum.kept += count.kept;
    sum.unknown += count.unknown;
  }
  return sum;
}
