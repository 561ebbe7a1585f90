import type { Pool, PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { CopyRows } from './copy-rows.ts';
import type { CopiedRows } from './copy-rows.ts';

/** What is read by COPY on a connection of its own, which goes back to the pool only after a COPY that was read to its end. */
export async function* onConnection<T>(pool: Pool, read: (client: PoolClient) => AsyncGenerator<T>): AsyncGenerator<T> {
  const client = await pool.connect();
  // The pool listens only while a connection is idle; the statement that runs fails by itself.
  const onLost = (): void => undefined;
  client.on('error', onLost);
  let isDone = false;
  try {
    yield* read(client);
    client.off('error', onLost);
    isDone = true;
  } finally {
    client.release(!isDone);
  }
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
