import type { PoolClient } from 'pg';
import { ExchangeError } from '../../fhir/errors.ts';
import type { FileBatch } from '../fhir-store.ts';

/**
 * Only ever forward, and only from where the file stands: a batch that runs a second time is refused, and so is one behind
 * another that a crash of the database took. Who begins anew does so where the file stands.
 *
 * @throws ExchangeError `unavailable` where it does not continue the file
 */
export async function moveCheckpoint(
  client: PoolClient,
  { exchangeId, file, from, checkpoint }: FileBatch,
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE exchange_file SET imported_line = $5, imported_offset = $6
     WHERE exchange_id = $1 AND number = $2 AND imported_line = $3 AND imported_offset = $4 AND $5 >= $3 AND $6 >= $4`,
    [exchangeId, file, from.line, from.offset, checkpoint.line, checkpoint.offset],
  );
  if (rowCount === 0) throw new ExchangeError('unavailable', { detail: 'the batch does not continue the file' });
}
