import type { Pool, PoolClient } from 'pg';

/** Where a statement can run: the pool, or the connection of a transaction. */
export type Queryable = Pick<PoolClient, 'query'>;

/** Commits what `work` did, or none of it. A connection that cannot even roll back is not used again. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
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
    client.release(broken);
  }
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
