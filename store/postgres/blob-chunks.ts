import type { Pool, PoolClient } from 'pg';
import { escapeLiteral } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { finished } from 'node:stream/promises';
import { copiedRows, streamOnConnection } from './copy-out.ts';
import { columnStart } from './copy-rows.ts';

/*
 * Rows of `blob_chunk` go in and out by COPY: in parameters and results of a statement the driver would make copies of
 * them, and hexadecimal digits.
 */

export interface Chunk {
  readonly offset: number;
  /** Exclusive. */
  readonly end: number;
  readonly bytes: Buffer;
}

export interface NewChunks {
  readonly id: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly chunkBytes: number;
}

const CHUNKS_AT_ONCE = 2;
/** Signature, flags, length of the extension. */
const HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const TRAILER = Buffer.from([0xff, 0xff]);

/** In the transaction of the connection. */
export async function copyChunks(client: PoolClient, { id, offset, bytes, chunkBytes }: NewChunks): Promise<void> {
  const stream = client.query(copyFrom('COPY blob_chunk (blob_id, "offset", bytes) FROM STDIN (FORMAT binary)'));
  stream.write(HEADER);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    stream.write(rowHead(id, offset + at, chunk.length));
    stream.write(chunk);
  }
  stream.end(TRAILER);
  await finished(stream);
}

/** The next chunks from the one on that holds the byte `at`; none behind the end. */
export async function readChunks(pool: Pool, id: string, at: number, chunkBytes: number): Promise<readonly Chunk[]> {
  const select = `SELECT "offset", bytes FROM blob_chunk WHERE blob_id = ${escapeLiteral(id)}
    AND "offset" > ${at - chunkBytes} AND "offset" + octet_length(bytes) > ${at} ORDER BY "offset" LIMIT ${CHUNKS_AT_ONCE}`;
  const found: Chunk[] = [];
  // All of them at once: so few are held as they come.
  for await (const { bytes, rows } of streamOnConnection(pool, (client) => copiedRows(client, select, Infinity))) {
    for (const row of rows) {
      const offset = Number(bytes.readBigInt64BE(columnStart(bytes, row, 0)));
      const chunk = bytes.subarray(columnStart(bytes, row, 1), row.end);
      found.push({ offset, end: offset + chunk.length, bytes: chunk });
    }
  }
  return found;
}

/** All of a row but the bytes of its last column. */
function rowHead(id: string, offset: number, length: number): Buffer {
  const idBytes = Buffer.byteLength(id);
  const head = Buffer.alloc(2 + 4 + idBytes + 4 + 8 + 4);
  let at = head.writeInt16BE(3);
  at = head.writeInt32BE(idBytes, at);
  at += head.write(id, at);
  at = head.writeInt32BE(8, at);
  at = head.writeBigInt64BE(BigInt(offset), at);
  head.writeInt32BE(length, at);
  return head;
}
