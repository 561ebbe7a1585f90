import type { Pool } from 'pg';

/** Bytes we keep: received files and exported files, in chunks, never whole in memory. */
export interface BlobStore {
  /** Appends at `offset`, all or nothing, which must be the present size (else nothing is written and the size is returned as it is). */
  append(id: string, offset: number, bytes: Uint8Array): Promise<number>;
  /** Size in bytes; 0 for an unknown blob. */
  size(id: string): Promise<number>;
  /** Streams [start, end) in chunks. */
  read(id: string, start?: number, end?: number): AsyncIterable<Uint8Array>;
  /** Cuts off what lies behind `size` bytes, default all of it. */
  truncate(id: string, size?: number): Promise<void>;
  remove(id: string): Promise<void>;
  /** Removes every blob whose id begins with `prefix`, which ends in a slash. */
  removeAll(prefix: string): Promise<void>;
}

/** Chunks of at most this many bytes are one row each. */
export const CHUNK_BYTES = 1024 * 1024;

export function createBlobStore(pool: Pool): BlobStore {
  const size = async (id: string): Promise<number> => {
    const { rows } = await pool.query<{ size: string }>(
      'SELECT "offset" + octet_length(bytes) AS size FROM blob_chunk WHERE blob_id = $1 ORDER BY "offset" DESC LIMIT 1',
      [id],
    );
    return Number(rows[0]?.size ?? 0);
  };
  return {
    size,
    async append(id, offset, bytes) {
      const present = await size(id);
      if (present !== offset) return present;
      if (bytes.length === 0) return offset;
      // One statement: what a crash leaves is all of these bytes or none.
      const chunks = Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, index) => index * CHUNK_BYTES);
      const rows = chunks.map((_start, index) => `($1, $${index * 2 + 2}, $${index * 2 + 3})`);
      const values = chunks.flatMap((start) => [offset + start, bytes.subarray(start, start + CHUNK_BYTES)]);
      await pool.query(`INSERT INTO blob_chunk (blob_id, "offset", bytes) VALUES ${rows.join(', ')}`, [id, ...values]);
      return offset + bytes.length;
    },
    async *read(id, start = 0, end = Number.MAX_SAFE_INTEGER) {
      let at = start;
      while (at < end) {
        const { rows } = await pool.query<{ offset: string; bytes: Buffer }>(
          `SELECT "offset", bytes FROM blob_chunk WHERE blob_id = $1 AND "offset" > $2 - ${CHUNK_BYTES} AND "offset" + octet_length(bytes) > $2
           ORDER BY "offset" LIMIT 1`,
          [id, at],
        );
        const row = rows[0];
        if (row === undefined) return;
        const first = at - Number(row.offset);
        const last = Math.min(row.bytes.length, end - Number(row.offset));
        yield row.bytes.subarray(first, last);
        at = Number(row.offset) + last;
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
    async removeAll(prefix) {
      // The zero is the character behind the slash.
      await pool.query('DELETE FROM blob_chunk WHERE blob_id > $1 AND blob_id < $2', [
        prefix,
        prefix.replace(/\/$/, '0'),
      ]);
    },
  };
}
