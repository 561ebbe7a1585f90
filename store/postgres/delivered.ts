import type { Pool } from 'pg';
import { indexable } from '../../fhir/index-values.ts';
import type { DeliveredResource, Identifier } from '../fhir-store.ts';
import { inTransaction } from './transaction.ts';
import type { Queryable } from './transaction.ts';

/** First pass over the files of an exchange: what they deliver, under the ids of the responding payer. */
export async function indexDelivered(
  pool: Pool,
  exchangeId: string,
  entries: readonly DeliveredResource[],
): Promise<void> {
  if (entries.length === 0) return;
  const identifiers = entries.flatMap((entry) =>
    entry.identifiers.map((identifier) => ({ ...identifier, type: entry.type, originalId: entry.originalId })),
  );
  await inTransaction(pool, async (client) => {
    await client.query(
      `INSERT INTO delivered_resource (exchange_id, type, original_id)
       SELECT $1, k.* FROM unnest($2::text[], $3::text[]) AS k ON CONFLICT DO NOTHING`,
      [exchangeId, entries.map(({ type }) => type), entries.map(({ originalId }) => originalId)],
    );
    await client.query(
      `INSERT INTO delivered_identifier (exchange_id, type, original_id, system, value)
       SELECT $1, k.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS k ON CONFLICT DO NOTHING`,
      [
        exchangeId,
        identifiers.map(({ type }) => type),
        identifiers.map(({ originalId }) => originalId),
        identifiers.map(({ system }) => indexable(system)),
        identifiers.map(({ value }) => indexable(value)),
      ],
    );
  });
}

/** Which of these the exchange delivers, as `Type/originalId`. */
export async function deliveredKeys(
  client: Queryable,
  exchangeId: string,
  keys: readonly { readonly type: string; readonly originalId: string }[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ key: string }>(
    `SELECT d.type || '/' || d.original_id AS key FROM unnest($2::text[], $3::text[]) AS k(type, original_id)
     JOIN delivered_resource d ON d.exchange_id = $1 AND d.type = k.type AND d.original_id = k.original_id`,
    [exchangeId, keys.map(({ type }) => type), keys.map(({ originalId }) => originalId)],
  );
  return new Set(rows.map(({ key }) => key));
}

export async function deliveredByIdentifier(
  client: Queryable,
  exchangeId: string,
  type: string,
  { system, value }: Identifier,
): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT DISTINCT original_id AS id FROM delivered_identifier
     WHERE exchange_id = $1 AND type = $2 AND system = $3 AND value = $4 LIMIT 2`,
    [exchangeId, type, indexable(system), indexable(value)],
  );
  return rows.length === 1 ? rows[0]?.id : undefined;
}
