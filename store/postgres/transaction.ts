import type { Pool, PoolClient } from 'pg';

/** Where a statement can run: the pool, or the connection of a transaction. */
export type Queryable = Pick<PoolClient, 'query'>;

/** Commits what `work` did, or none of it. A connection that cannot even roll back is not used again. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  // The pool listens only while a connection is idle. The statement that runs, or the next one, fails by itself.
  const onLost = (): void => void (broken = true);
  client.on('error', onLost);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      // The first error tells what happened; this one only that the connection is gone.
      broken = true;
    });
    throw error;
  } finally {
    // One that is lost may say so once more.
    if (!broken) client.off('error', onLost);
    client.release(broken);
  }
}

/**
 * One page of something ordered by an index, read in the order of that index: without statistics of what was written just
 * now, the planner would rather read and sort everything for each page.
 */
export function readOrderedPage<Row extends object>(
  pool: Pool,
  sql: string,
  values: readonly unknown[],
): Promise<Row[]> {
  return inTransaction(pool, async (client) => {
    await client.query(
      'SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off',
    );
    const { rows } = await client.query<Row>(sql, [...values]);
    return rows;
  });
}

/** Collects the values of a statement that is put together from parts. */
export class Parameters {
  readonly values: unknown[] = [];

  /** The placeholder of the value. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}
