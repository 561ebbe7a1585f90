import type { ResourceKey } from '../fhir-store.ts';
import { keyColumns } from './rows.ts';
import type { Queryable } from './transaction.ts';

/*
 * Which version of an id is the newest one the pages of a compartment tell, unless another compartment has versions of it as
 * well. Whoever publishes such a version notes it, under the clock's lock: what others have published before is seen then, and
 * what they publish later they see themselves. An exchange does so where it stages, and of what was known before alone: its
 * ids are derived from payer and member, so that nobody else comes upon a new one.
 */

/** Of these keys those that have lain in several compartments, or in one and in none. */
const MOVED = `SELECT r.type, r.id FROM unnest($1::text[], $2::text[]) AS k(type, id)
  JOIN resource r ON r.type = k.type AND r.id = k.id
  GROUP BY r.type, r.id HAVING count(DISTINCT coalesce(r.patient_id, '')) > 1`;

export async function movedAmong(client: Queryable, keys: readonly ResourceKey[]): Promise<readonly ResourceKey[]> {
  if (keys.length === 0) return [];
  const { rows } = await client.query<ResourceKey>(MOVED, keyColumns(keys));
  return rows;
}

export async function noteMoved(client: Queryable, keys: readonly ResourceKey[]): Promise<void> {
  if (keys.length === 0) return;
  await client.query(
    `INSERT INTO moved_record (patient_id, type, id)
     SELECT DISTINCT r.patient_id, r.type, r.id FROM (${MOVED}) m JOIN resource r ON r.type = m.type AND r.id = m.id
     WHERE r.patient_id IS NOT NULL ORDER BY 1, 2, 3
     ON CONFLICT DO NOTHING`,
    keyColumns(keys),
  );
}

/**
 * Keys of this publication of which others have published a version in another compartment since that instant; without
 * exchanges. Asked under the clock's lock, by the indexes.
 */
export async function movedMeanwhile(
  client: Queryable,
  publicationId: string,
  since: string,
): Promise<readonly ResourceKey[]> {
  const { rows } = await client.query<ResourceKey>(
    `SELECT DISTINCT n.type, n.id FROM publication q
     CROSS JOIN LATERAL (SELECT * FROM resource r WHERE r.publication_id = q.id OFFSET 0) n
     CROSS JOIN LATERAL (
       SELECT o.patient_id FROM resource o WHERE o.type = n.type AND o.id = n.id AND o.publication_id = $1 OFFSET 0
     ) o
     WHERE q.published_at > $2::timestamptz AND q.exchange_id IS NULL AND n.patient_id IS DISTINCT FROM o.patient_id`,
    [publicationId, since],
  );
  return rows;
}
