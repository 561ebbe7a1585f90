import type { Pool } from 'pg';
import { ExchangeError } from '../../fhir/errors.ts';
import { inTransaction } from './transaction.ts';

/** By publication: what an exchange staged. */
const OF_PUBLICATION = [
  ...[
    'resource',
    'record_page',
    'resource_identifier',
    'resource_name',
    'patient_link',
    'unchanged_resource',
    'staged_ids',
  ],
];
const OF_EXCHANGE = [...['exchange_count', 'open_reference', 'open_target']];

/**
 * The store is as if the exchange had never run. Its publication stays behind, closed: a step that was still on its way
 * when the exchange was called off can stage nothing any more. So do the refused lines, which hold nothing of a record.
 *
 * @throws ExchangeError `conflict` once the exchange is published
 */
export function removeImport(pool: Pool, exchangeId: string): Promise<void> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string; published_at: Date | null }>(
      `INSERT INTO publication (exchange_id, removed) VALUES ($1, true)
       ON CONFLICT (exchange_id) DO UPDATE SET removed = publication.published_at IS NULL RETURNING id, published_at`,
      [exchangeId],
    );
    const [publication] = rows;
    if (publication === undefined || publication.published_at !== null) {
      throw new ExchangeError('conflict', { detail: 'the import is published' });
    }
    for (const table of OF_PUBLICATION) {
      await client.query(`DELETE FROM ${table} WHERE publication_id = $1`, [publication.id]);
    }
    for (const table of OF_EXCHANGE) await client.query(`DELETE FROM ${table} WHERE exchange_id = $1`, [exchangeId]);
    // Everything that begins with `exchange/<id>/`: the zero is the character behind the slash.
    await client.query('DELETE FROM blob_chunk WHERE blob_id > $1 AND blob_id < $2', [
      `exchange/${exchangeId}/`,
      `exchange/${exchangeId}0`,
    ]);
  });
}
