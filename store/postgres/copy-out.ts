import type { Pool, PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { CopyRows } from './copy-rows.ts';
import type { CopiedRows } from './copy-rows.ts';

/** A connection for what reads by COPY, which goes back to the pool only after a COPY that was read to its end. */
export async function onConnection<T>(pool: Pool, read: (client: PoolClient) => Promise<T>): Promise<T> {
  const connection = await openConnection(pool);
  let isDone = false;
  try {
    const result = await read(connection.client);
    isDone = true;
    return result;
  } finally {
    connection.close(isDone);
  }
}

/** The same for what is read piece by piece. */
export async function* streamOnConnection<T>(
  pool: Pool,
  read: (client: PoolClient) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const connection = await openConnection(pool);
  let isDone = false;
  try {
    yield* read(connection.client);
    isDone = true;
  } finally {
    connection.close(isDone);
  }
}

async function openConnection(
  pool: Pool,
): Promise<{ readonly client: PoolClient; readonly close: (isDone: boolean) => void }> {
  const client = await pool.connect();
  // The pool listens only while a connection is idle; the statement that runs fails by itself.
  const onLost = (): void => undefined;
  client.on('error', onLost);
  return {
    client,
    close(isDone) {
      if (isDone) client.off('error', onLost);
      client.release(!isDone);
    },
  };
}

/** The rows of a SELECT, so many bytes of them at a time; they are to be used up before the next ones are asked for. */
export async function* copiedRows(client: PoolClient, select: string, bytesAtOnce: number): AsyncGenerator<CopiedRows> {
  const stream = client.query(copyTo(`COPY (${select}) TO STDOUT (FORMAT binary)`));
  const rows = new CopyRows();
  let chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < bytesAtOnce) continue;
      yield rows.read(chunks);
      [chunks, bytes] = [[], 0];
    }
    if (bytes > 0) yield rows.read(chunks);
  } finally {
    stream.destroy();
  }
}
