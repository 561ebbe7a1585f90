import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** `text`, `integer`, `bigint`, `boolean`, `bytea`; NULL. */
export type CopyValue = string | number | bigint | boolean | Uint8Array | undefined;

/** A batch goes out in one piece, which the system hands on by itself while the next batch is prepared. */
const MOST_CHUNK_BYTES = 4 * 1024 * 1024;
/** The binary format of COPY (https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4). */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const NULL_LENGTH = -1;
const END_OF_ROWS = -1;
const END_BYTES = 2;
/** A character of a JavaScript string is three bytes of UTF-8 at the most. */
const MOST_BYTES_OF_CHARACTER = 3;
const FIXED_BYTES = 12;

/** COPY into a table; nothing is sent for no rows. `target`: the table and its columns, of the types of the values. */
export async function copyRows(
  client: PoolClient,
  target: string,
  rows: readonly (readonly CopyValue[])[],
): Promise<void> {
  const source = chunks(rows);
  const first = source.next();
  if (first.done === true) return;
  const stream = client.query(copyFrom(`COPY ${target} FROM STDIN (FORMAT binary)`));
  await pipeline(Readable.from(startingWith(first.value, source), { objectMode: false }), stream);
  giveBack(first.value);
}

/** Memory of chunks that Postgres has, for the next ones: making it anew for each batch occupies the collector. */
const spare: ArrayBufferLike[] = [];
const MOST_SPARE = 2;

function giveBack({ buffer }: Buffer): void {
  const { byteLength } = buffer;
  if (spare.length < MOST_SPARE && byteLength >= LEAST_SPARE_BYTES && byteLength <= MOST_SPARE_BYTES)
    spare.push(buffer);
}

/** Smaller ones are pieces of Node's own pool. */
const LEAST_SPARE_BYTES = 256 * 1024;
/** One that a very long row has needed is not kept. */
const MOST_SPARE_BYTES = 2 * MOST_CHUNK_BYTES;

function memoryFor(bytes: number): Buffer {
  if (bytes < LEAST_SPARE_BYTES) return Buffer.allocUnsafe(bytes);
  const memory = spare.pop();
  return memory !== undefined && memory.byteLength >= bytes
    ? Buffer.from(memory)
    : Buffer.allocUnsafeSlow(Math.ceil(1.25 * bytes));
}

function* startingWith(first: Buffer, rest: Iterable<Buffer>): Generator<Buffer> {
  yield first;
  yield* rest;
}

function* chunks(rows: readonly (readonly CopyValue[])[]): Generator<Buffer, undefined> {
  if (rows.length === 0) return undefined;
  let left = SIGNATURE.length + END_BYTES;
  for (const row of rows) left += mostBytes(row);
  let chunk = memoryFor(Math.min(left, MOST_CHUNK_BYTES));
  let at = SIGNATURE.copy(chunk);
  for (const row of rows) {
    const most = mostBytes(row);
    if (at + most + END_BYTES > chunk.length) {
      yield chunk.subarray(0, at);
      chunk = Buffer.allocUnsafe(Math.max(Math.min(left, MOST_CHUNK_BYTES), most + END_BYTES));
      at = 0;
    }
    at = chunk.writeInt16BE(row.length, at);
    for (const value of row) at = writeValue(chunk, at, value);
    left -= most;
  }
  at = chunk.writeInt16BE(END_OF_ROWS, at);
  yield chunk.subarray(0, at);
  return undefined;
}

function mostBytes(row: readonly CopyValue[]): number {
  let most = 2;
  for (const value of row) {
    const variable =
      typeof value === 'string'
        ? value.length * MOST_BYTES_OF_CHARACTER
        : value instanceof Uint8Array
          ? value.length
          : 0;
    most += FIXED_BYTES + variable;
  }
  return most;
}

/** Answers the offset behind what was written. */
function writeValue(chunk: Buffer, at: number, value: CopyValue): number {
  switch (typeof value) {
    case 'undefined':
      return chunk.writeInt32BE(NULL_LENGTH, at);
    case 'string': {
      const length = chunk.write(value, at + 4, 'utf8');
      return chunk.writeInt32BE(length, at) + length;
    }
    case 'boolean':
      return chunk.writeInt8(value ? 1 : 0, chunk.writeInt32BE(1, at));
    case 'number':
      return chunk.writeInt32BE(value, chunk.writeInt32BE(4, at));
    case 'bigint':
      return chunk.writeBigInt64BE(value, chunk.writeInt32BE(8, at));
    default:
      chunk.writeInt32BE(value.length, at);
      chunk.set(value, at + 4);
      return at + 4 + value.length;
  }
}
