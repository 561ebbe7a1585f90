import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import type { PoolClient } from 'pg';
import { copyEachRow } from '../../store/postgres/copy-each-row.ts';
import { columnEnd, columnStart } from '../../store/postgres/copy-rows.ts';
import { databaseSocket } from '../../store/postgres/reading-socket.ts';
import { ReusedBuffer } from '../../store/postgres/reused-buffer.ts';
import { createTestDatabase } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';

let database: TestDatabase;
let pool: Pool;
let client: PoolClient;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

const room = new ReusedBuffer();
const copyOf = (select: string): Parameters<typeof copyEachRow>[1] => ({
  room,
  statements: `BEGIN; SET LOCAL enable_sort = off; COPY (${select}) TO STDOUT (FORMAT binary); COMMIT`,
});

async function texts(select: string): Promise<readonly string[]> {
  const found: string[] = [];
  await copyEachRow(client, copyOf(select), (bytes, row) => {
    const start = columnStart(bytes, row, 0);
    found.push(bytes.toString('utf8', start, columnEnd(bytes, start)));
  });
  return found;
}

async function isReady(): Promise<boolean> {
  const { rows } = await client.query<{ one: number }>('SELECT 1 AS one');
  return rows[0]?.one === 1;
}

const sockets = [
  { name: 'that reads into the same memory', stream: databaseSocket },
  { name: "of the driver's own", stream: () => new Socket() },
];

describe.each(sockets)('rows of a COPY over a socket $name', ({ stream }) => {
  beforeAll(async () => {
    pool = new Pool({ connectionString: database.url, stream });
    client = await pool.connect();
  });

  afterAll(async () => {
    client.release();
    await pool.end();
  });

  it('come whole, whatever their length is, one behind the other', async () => {
    const lengths = [...Array.from({ length: 300 }, (_, n) => n * n), 300_000, 0, 65_536, 1, 2_000_000, 3];
    const found = await texts(`SELECT repeat('é', n) FROM unnest(ARRAY[${lengths.join(',')}]) AS n`);
    expect(found.map(({ length }) => length)).toEqual(lengths);
    expect(found.every((text) => /^é*$/.test(text))).toBe(true);
    expect(await isReady()).toBe(true);
  });

  it('may be none, and very many', async () => {
    expect(await texts('SELECT 1 WHERE false')).toEqual([]);
    const found = await texts(`SELECT 'r' || n FROM generate_series(1, 50000) AS n`);
    expect(found).toEqual(Array.from({ length: 50_000 }, (_, n) => `r${n + 1}`));
  });

  it('end with what is wrong in the middle of them, and leave the connection to the next query', async () => {
    await expect(
      texts(`SELECT repeat('x', 1000) || 1 / (n - 900) FROM generate_series(1, 1000) AS n`),
    ).rejects.toMatchObject({
      code: '22012',
    });
    await client.query('ROLLBACK');
    await expect(texts('SELECT nothing')).rejects.toMatchObject({ code: '42703' });
    await client.query('ROLLBACK');
    expect(await texts(`SELECT 'well'`)).toEqual(['well']);
  });

  it('are read to their end where their reader fails', async () => {
    const failing = copyEachRow(client, copyOf('SELECT n FROM generate_series(1, 9000) AS n'), () => {
      throw new Error('of the reader');
    });
    await expect(failing).rejects.toThrow('of the reader');
    expect(await isReady()).toBe(true);
  });

  it('end where the connection is lost', async () => {
    const other = await pool.connect();
    other.on('error', () => undefined);
    const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    let ending: Promise<unknown> | undefined;
    const select = `SELECT repeat('x', 100000) || pg_sleep(0.01)::text FROM generate_series(1, 100000)`;
    const reading = copyEachRow(other, copyOf(select), () => {
      ending ??= client.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    });
    await expect(reading).rejects.toThrow();
    await ending;
    other.release(true);
  });
});
