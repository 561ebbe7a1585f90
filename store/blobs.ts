import type { Pool, PoolClient } from 'pg';
import { copyChunks, readChunks } from './postgres/blob-chunks.ts';
import { inTransaction } from './postgres/transaction.ts';
import type { Queryable } from './postgres/transaction.ts';

/** Bytes we keep: received files, in chunks, never whole in memory. */
export interface BlobStore {
  /**
   * Appends at `offset`, all or nothing, which must be the present size (else nothing is written and the size is returned as
   * it is). The bytes may be used anew once it has answered.
   */
  append(id: string, offset: number, bytes: Uint8Array): Promise<number>;
  /** Size in bytes; 0 for an unknown blob. */
  size(id: string): Promise<number>;
  /** Streams [start, end) in chunks. */
  read(id: string, start?: number, end?: number): AsyncIterable<Uint8Array>;
  /** Cuts off what lies behind `size` bytes, default all of it. */
  truncate(id: string, size?: number): Promise<void>;
  remove(id: string): Promise<void>;
}

/** Chunks of at most this many bytes are one row each. */
export const CHUNK_BYTES = 1024 * 1024;

export function createBlobStore(pool: Pool): BlobStore {
  const sizeOf = async (client: Queryable, id: string): Promise<number> => {
    const { rows } = await client.query<{ size: string }>(
      'SELECT "offset" + octet_length(bytes) AS size FROM blob_chunk WHERE blob_id = $1 ORDER BY "offset" DESC LIMIT 1',
      [id],
    );
    return Number(rows[0]?.size ?? 0);
  };
  return {
    size: (id) => sizeOf(pool, id),
    append(id, offset, bytes) {
      const work = async (client: PoolClient): Promise<number> => {
        const present = await sizeOf(client, id);
        if (present !== offset || bytes.length === 0) return present;
        await copyChunks(client, { id, offset, bytes, chunkBytes: CHUNK_BYTES });
        return offset + bytes.length;
      };
      return inTransaction(pool, work);
    },
    async *read(id, start = 0, end = Number.MAX_SAFE_INTEGER) {
      if (start >= end) return;
      let next = readChunks(pool, id, start, CHUNK_BYTES);
      for (;;) {
        const chunks = await next;
        const behind = chunks.at(-1)?.end ?? end;
        if (behind < end) {
          // Read while these are on their way to whoever asked for them.
          next = readChunks(pool, id, behind, CHUNK_BYTES);
          next.catch(() => undefined);
        }
        for (const { offset, bytes } of chunks) {
          if (offset < end) yield bytes.subarray(Math.max(start - offset, 0), end - offset);
        }
        if (behind >= end) return;
      }
    },
    async truncate(id, size = 0) {
      await pool.query('DELETE FROM blob_chunk WHERE blob_id = $1 AND "offset" >= $2', [id, size]);
      await pool.query(
        `UPDATE blob_chunk SET bytes = substring(bytes FROM 1 FOR ($2 - "offset")::int)
         WHERE blob_id = $1 AND "offset" > $2 - ${CHUNK_BYTES} AND "offset" + octet_length(bytes) > $2`,
        [id, size],
      );
    },
    async remove(id) {
      await pool.query('DELETE FROM blob_chunk WHERE blob_id = $1', [id]);
    },
  };
}
