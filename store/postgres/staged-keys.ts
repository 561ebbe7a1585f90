import type { Pool } from 'pg';
import type { ResourceKey } from '../fhir-store.ts';
import { SHARED_TYPE_LIST } from './staging.ts';
import type { Queryable } from './transaction.ts';

const KEYS_AT_ONCE = 5000;

export async function* stagedKeys(pool: Pool, exchangeId: string): AsyncGenerator<ResourceKey> {
  const before = await earlierPublications(pool, exchangeId);
  let last: ResourceKey = { type: '', id: '' };
  for (;;) {
    const { rows } = await pool.query<ResourceKey>(
      `WITH own AS (SELECT id FROM publication WHERE exchange_id = $1)
       SELECT type, id FROM (
         (SELECT r.type, r.id FROM resource r
          WHERE r.publication_id = (SELECT id FROM own) AND NOT r.generated AND (r.type, r.id) > ($2, $3)
          ORDER BY r.type, r.id LIMIT ${KEYS_AT_ONCE})
         UNION ALL
         (SELECT u.type, u.id FROM unchanged_resource u
          WHERE u.publication_id = (SELECT id FROM own) AND u.type = ANY($4::text[]) AND (u.type, u.id) > ($2, $3)
            AND NOT EXISTS (SELECT 1 FROM resource x
              WHERE x.type = u.type AND x.id = u.id AND x.publication_id = ANY($5::bigint[]))
            AND NOT EXISTS (SELECT 1 FROM unchanged_resource x
              WHERE x.type = u.type AND x.id = u.id AND x.publication_id = ANY($5::bigint[]))
          ORDER BY u.type, u.id LIMIT ${KEYS_AT_ONCE})
       ) k ORDER BY type, id LIMIT ${KEYS_AT_ONCE}`,
      [exchangeId, last.type, last.id, SHARED_TYPE_LIST, before],
    );
    yield* rows;
    const end = rows.at(-1);
    if (end === undefined || rows.length < KEYS_AT_ONCE) return;
    last = end;
  }
}

/** Records of our own making of one type, staged or published by the exchange. */
export async function generatedIds(client: Queryable, exchangeId: string, type: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT r.id FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE p.exchange_id = $1 AND r.type = $2 AND r.generated ORDER BY r.id`,
    [exchangeId, type],
  );
  return rows.map(({ id }) => id);
}

/** What other exchanges have published for the same member. */
async function earlierPublications(client: Queryable, exchangeId: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT p.id FROM exchange e
     JOIN exchange o ON o.local_patient_id = e.local_patient_id AND o.id <> e.id
     JOIN publication p ON p.exchange_id = o.id AND p.published_at IS NOT NULL
     WHERE e.id = $1`,
    [exchangeId],
  );
  return rows.map(({ id }) => id);
}
