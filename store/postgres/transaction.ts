import type { Pool, PoolClient } from 'pg';

/** Where a statement can run: the pool, or the connection of a transaction. */
export type Queryable = Pick<PoolClient, 'query'>;

/** `with-the-next`: a crash of the database may lose it, but nothing that is committed after it and stays. */
export type Durability = 'at-once' | 'with-the-next';

const BEGIN: Readonly<Record<Durability, string>> = {
  'at-once': 'BEGIN',
  'with-the-next': 'BEGIN; SET LOCAL synchronous_commit = off',
};

/** Commits what `work` did, or none of it. A connection that cannot even roll back is not used again. */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  durability: Durability = 'at-once',
): Promise<T> {
  const client = await pool.connect();
  // The pool listens only while a connection is idle. The statement that runs, or the next one, fails by itself.
  const connection = { isLost: false };
  const onLost = (): void => void (connection.isLost = true);
  client.on('error', onLost);
  try {
    await client.query(BEGIN[durability]);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // The first error tells what happened; one of this statement only that the connection is gone.
    await client.query('ROLLBACK').catch(onLost);
    throw error;
  } finally {
    // One that is lost may say so once more.
    if (!connection.isLost) client.off('error', onLost);
    client.release(connection.isLost);
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
