import type { Queryable } from './transaction.ts';

/**
 * The next instant. Holds the row of the clock until the transaction ends: publications become visible in the order of
 * their instants, and what `freeze` gives out lies behind all that is visible and before all that is not.
 */
export async function nextInstant(client: Queryable): Promise<string> {
  const { rows } = await client.query<{ instant: Date }>(
    `UPDATE publication_clock SET instant = greatest(date_trunc('milliseconds', clock_timestamp()), instant + interval '1 millisecond')
     RETURNING instant`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The row of publication_clock is missing.');
  return row.instant.toISOString();
}

/** A publication without an exchange; nothing of it shows before `publishAt`. */
export async function openNativePublication(client: Queryable): Promise<string> {
  const { rows } = await client.query<{ id: string }>('INSERT INTO publication DEFAULT VALUES RETURNING id');
  const [row] = rows;
  if (row === undefined) throw new Error('The publication was not written.');
  return row.id;
}

/** Everything staged under the publication is visible from the end of this transaction on. */
export async function publishAt(client: Queryable, publicationId: string, instant: string): Promise<void> {
  await client.query('UPDATE publication SET published_at = $2 WHERE id = $1', [publicationId, instant]);
}
