import type { Pool } from 'pg';
import { keyOf } from '../fhir-store.ts';
import type { ResourceKey } from '../fhir-store.ts';
import { endOfType, KEY } from './rows.ts';
import { lockStaging, SHARED_TYPE_LIST } from './staging.ts';
import { inTransaction, readOrderedPage } from './transaction.ts';
import type { Queryable } from './transaction.ts';

const KEYS_AT_ONCE = 5000;

/** Behind every key: they begin with a letter. */
const END = '~';

export async function* stagedKeys(
  pool: Pool,
  exchangeId: string,
  types?: readonly string[],
): AsyncGenerator<ResourceKey> {
  const { rows: publications } = await pool.query<{ id: string }>('SELECT id FROM publication WHERE exchange_id = $1', [
    exchangeId,
  ]);
  const own = publications[0]?.id;
  if (own === undefined) return;
  const before = await earlierPublications(pool, exchangeId);
  const ranges = types?.map((type) => [`${type}/`, endOfType(type)] as const) ?? [['', END] as const];
  for (const [start, end] of ranges) {
    let after: string = start;
    for (;;) {
      const rows: ResourceKey[] = await readOrderedPage(pool, PAGE, [own, SHARED_TYPE_LIST, before, after, end]);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < KEYS_AT_ONCE) break;
      after = keyOf(last);
    }
  }
}

/** What publication $1 holds new and changed. */
const STAGED = `FROM resource r WHERE r.publication_id = $1::bigint AND NOT r.generated AND NOT r.deleted`;

/** What it delivers unchanged, shared ($2: types), for the first time for this member ($3: what came for it before). */
export const FIRST_DELIVERED = `FROM unchanged_resource r WHERE r.publication_id = $1::bigint AND r.type = ANY($2::text[])
  AND NOT EXISTS (SELECT 1 FROM resource x
    WHERE x.type = r.type AND x.id = r.id AND x.publication_id = ANY($3::bigint[]))
  AND NOT EXISTS (SELECT 1 FROM unchanged_resource x
    WHERE x.type = r.type AND x.id = r.id AND x.publication_id = ANY($3::bigint[]))`;

const PAGE = `SELECT type, id FROM (
    (SELECT r.type, r.id ${STAGED} AND ${KEY} > $4 AND ${KEY} < $5 ORDER BY ${KEY} LIMIT ${KEYS_AT_ONCE})
    UNION ALL
    (SELECT r.type, r.id ${FIRST_DELIVERED} AND ${KEY} > $4 AND ${KEY} < $5 ORDER BY ${KEY} LIMIT ${KEYS_AT_ONCE})
  ) k ORDER BY type, id LIMIT ${KEYS_AT_ONCE}`;

export async function stagedText(
  client: Queryable,
  exchangeId: string,
  { type, id }: ResourceKey,
): Promise<string | undefined> {
  const { rows } = await client.query<{ content: string }>(
    `SELECT r.content FROM publication p JOIN resource r ON r.publication_id = p.id
     WHERE p.exchange_id = $1 AND r.type = $2 AND r.id = $3 AND NOT r.deleted`,
    [exchangeId, type, id],
  );
  return rows[0]?.content;
}

/** Versions are numbered by publication. */
export function stagedVersion(pool: Pool, exchangeId: string): Promise<string> {
  return inTransaction(pool, (client) => lockStaging(client, exchangeId));
}

/** Records of our own making of one type, staged or published by the exchange. */
export async function generatedIds(client: Queryable, exchangeId: string, type: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT r.id FROM publication p JOIN resource r ON r.publication_id = p.id AND ${KEY} > $2 AND ${KEY} < $3
     WHERE p.exchange_id = $1 AND r.generated ORDER BY ${KEY}`,
    [exchangeId, `${type}/`, endOfType(type)],
  );
  return rows.map(({ id }) => id);
}

/** What other exchanges have published for the same member. */
export async function earlierPublications(client: Queryable, exchangeId: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT p.id FROM exchange e
     JOIN exchange o ON o.local_patient_id = e.local_patient_id AND o.id <> e.id
     JOIN publication p ON p.exchange_id = o.id AND p.published_at IS NOT NULL
     WHERE e.id = $1`,
    [exchangeId],
  );
  return rows.map(({ id }) => id);
}
