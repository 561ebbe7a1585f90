import type { Pool } from 'pg';
import { keyOf } from '../fhir-store.ts';
import type { ResourceKey } from '../fhir-store.ts';
import { KEY } from './rows.ts';
import { SHARED_TYPE_LIST } from './staging.ts';
import { readOrderedPage } from './transaction.ts';
import type { Queryable } from './transaction.ts';

const KEYS_AT_ONCE = 5000;

export async function* stagedKeys(pool: Pool, exchangeId: string): AsyncGenerator<ResourceKey> {
  const { rows: publications } = await pool.query<{ id: string }>('SELECT id FROM publication WHERE exchange_id = $1', [
    exchangeId,
  ]);
  const own = publications[0]?.id;
  if (own === undefined) return;
  const before = await earlierPublications(pool, exchangeId);
  let last: ResourceKey | undefined;
  do {
    const after = last === undefined ? '' : keyOf(last);
    const rows: ResourceKey[] = await readOrderedPage(pool, PAGE, [own, after, SHARED_TYPE_LIST, before]);
    yield* rows;
    last = rows.length < KEYS_AT_ONCE ? undefined : rows.at(-1);
  } while (last !== undefined);
}

const PAGE = `SELECT type, id FROM (
    (SELECT r.type, r.id FROM resource r WHERE r.publication_id = $1 AND NOT r.generated AND NOT r.deleted
       AND ${KEY} > $2
     ORDER BY ${KEY} LIMIT ${KEYS_AT_ONCE})
    UNION ALL
    (SELECT r.type, r.id FROM unchanged_resource r
     WHERE r.publication_id = $1 AND r.type = ANY($3::text[]) AND ${KEY} > $2
       AND NOT EXISTS (SELECT 1 FROM resource x
         WHERE x.type = r.type AND x.id = r.id AND x.publication_id = ANY($4::bigint[]))
       AND NOT EXISTS (SELECT 1 FROM unchanged_resource x
         WHERE x.type = r.type AND x.id = r.id AND x.publication_id = ANY($4::bigint[]))
     ORDER BY ${KEY} LIMIT ${KEYS_AT_ONCE})
  ) k ORDER BY type, id LIMIT ${KEYS_AT_ONCE}`;

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
