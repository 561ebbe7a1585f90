import type { PoolClient } from 'pg';
import { addCounts } from './counts.ts';
import type { MutableCounts } from './counts.ts';
import { KEY, newestOfKey } from './rows.ts';
import { SHARED_TYPE_LIST } from './staging.ts';

/** What other exchanges did to shared records between staging and publication; under the clock's lock. */
export async function settleShared(client: PoolClient, exchangeId: string, publicationId: string): Promise<void> {
  await dropPublishedMeanwhile(client, publicationId);
  await reviveDeletedMeanwhile(client, exchangeId, publicationId);
}

/**
 * What another exchange has published in the same form needs no second version. The shared records are found by ranges of
 * the index, type by type: they are few, and the member's own are many.
 */
async function dropPublishedMeanwhile(client: PoolClient, publicationId: string): Promise<void> {
  await client.query(
    `WITH same AS (
       DELETE FROM resource d USING (
         SELECT k.type, k.id FROM unnest($2::text[]) AS t(type)
         CROSS JOIN LATERAL (
           SELECT r.type, r.id, r.content_hash FROM resource r
           WHERE r.publication_id = $1 AND ${KEY} > t.type || '/' AND ${KEY} < t.type || '0' OFFSET 0
         ) k
         JOIN LATERAL ${newestOfKey('r.content_hash, r.deleted')} v ON NOT v.deleted AND v.content_hash = k.content_hash
       ) k WHERE d.publication_id = $1 AND d.type = k.type AND d.id = k.id AND d.page_id IS NULL
       RETURNING d.type, d.id
     ), identifiers AS (
       DELETE FROM resource_identifier i USING same WHERE i.publication_id = $1 AND i.type = same.type AND i.id = same.id
     ), names AS (
       DELETE FROM resource_name n USING same WHERE n.publication_id = $1 AND n.type = same.type AND n.id = same.id
     )
     INSERT INTO unchanged_resource (publication_id, type, id) SELECT $1, type, id FROM same ON CONFLICT DO NOTHING`,
    [publicationId, SHARED_TYPE_LIST],
  );
}

/** What was visible as this exchange delivers it, and was deleted since: it is this member's as well, and shows again. */
async function reviveDeletedMeanwhile(client: PoolClient, exchangeId: string, publicationId: string): Promise<void> {
  const { rows } = await client.query<{ type: string; revived: number }>(
    `WITH gone AS MATERIALIZED (
       SELECT k.type, k.id, f.publication_id AS former FROM unchanged_resource k
       JOIN LATERAL ${newestOfKey('r.deleted')} v ON v.deleted
       JOIN LATERAL (
         SELECT r.publication_id FROM resource r JOIN publication p ON p.id = r.publication_id
         WHERE r.type = k.type AND r.id = k.id AND NOT r.deleted AND p.published_at IS NOT NULL
         ORDER BY p.published_at DESC LIMIT 1
       ) f ON true
       WHERE k.publication_id = $1 AND k.type = ANY($2::text[])
     ), records AS (
       INSERT INTO resource (type, id, publication_id, content_hash, content, marks, shared_references)
       SELECT r.type, r.id, $1, r.content_hash, r.content, r.marks, r.shared_references FROM gone g
       JOIN resource r ON r.type = g.type AND r.id = g.id AND r.publication_id = g.former
     ), identifiers AS (
       INSERT INTO resource_identifier (type, id, publication_id, system, value)
       SELECT i.type, i.id, $1, i.system, i.value FROM gone g
       JOIN resource_identifier i ON i.type = g.type AND i.id = g.id AND i.publication_id = g.former
     ), names AS (
       INSERT INTO resource_name (type, id, publication_id, part, name)
       SELECT n.type, n.id, $1, n.part, n.name FROM gone g
       JOIN resource_name n ON n.type = g.type AND n.id = g.id AND n.publication_id = g.former
     ), changed AS (
       DELETE FROM unchanged_resource u USING gone g WHERE u.publication_id = $1 AND u.type = g.type AND u.id = g.id
     )
     SELECT type, count(*)::int AS revived FROM gone GROUP BY type`,
    [publicationId, SHARED_TYPE_LIST],
  );
  const counts = rows.map(({ type, revived }): [string, MutableCounts] => [
    type,
    { received: 0, new: revived, updated: 0, unchanged: -revived },
  ]);
  await addCounts(client, exchangeId, new Map(counts));
}
