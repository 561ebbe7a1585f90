import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Pool, PoolClient } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { projectRoot } from '../embedded/project-root.ts';
import { dataFolder } from './data.ts';
import type { PreparedSet } from './data.ts';

/** The tables that an import fills and that stay: a record, its page, and what is indexed of it. */
const TABLES = ['resource', 'record_page', 'resource_identifier', 'resource_name', 'patient_link'] as const;
const CHUNK = 1024 * 1024;

/** The final rows of a set, as COPY reads them, in the order in which they were written; undefined where none are kept. */
export function keptRows(set: PreparedSet): string | undefined {
  const folder = rowsFolder(set);
  return existsSync(folder) ? folder : undefined;
}

/** Writes the rows of the one import of this database to files. */
export async function keepRows(pool: Pool, set: PreparedSet): Promise<void> {
  const folder = rowsFolder(set);
  for (const name of readdirSync(dataFolder())) {
    // Those of another schema too, and what an interrupted run left.
    if (name.startsWith(`${set.name}.rows-`)) rmSync(path.join(dataFolder(), name), { recursive: true, force: true });
  }
  mkdirSync(`${folder}.new`, { recursive: true });
  const client = await pool.connect();
  try {
    // Rows as they lie in the table, and not in the order of an index.
    await client.query('SET synchronize_seqscans = off; SET max_parallel_workers_per_gather = 0');
    for (const table of TABLES) {
      const rows = `SELECT * FROM ${table} WHERE publication_id + 0 =
        (SELECT id FROM publication WHERE exchange_id IS NOT NULL AND published_at IS NOT NULL)`;
      const stream = client.query(copyTo(`COPY (${rows}) TO STDOUT`));
      await pipeline(stream, createWriteStream(path.join(`${folder}.new`, table)));
    }
  } finally {
    client.release();
  }
  renameSync(`${folder}.new`, folder);
}

/** Copies kept rows into an empty database, in one transaction; answers the seconds that it took. */
export async function copyKeptRows(client: PoolClient, folder: string): Promise<number> {
  const begun = performance.now();
  await client.query('BEGIN');
  for (const table of TABLES) {
    const stream = client.query(copyFrom(`COPY ${table} FROM STDIN`));
    await pipeline(createReadStream(path.join(folder, table), { highWaterMark: CHUNK }), stream);
  }
  await client.query('COMMIT');
  return (performance.now() - begun) / 1000;
}

/** Of this schema: rows of another one do not fit. */
function rowsFolder({ name }: PreparedSet): string {
  const migrations = path.join(projectRoot(), 'prisma', 'migrations');
  const hash = createHash('sha256');
  for (const migration of readdirSync(migrations).sort()) {
    const file = path.join(migrations, migration, 'migration.sql');
    if (existsSync(file)) hash.update(readFileSync(file));
  }
  return path.join(dataFolder(), `${name}.rows-${hash.digest('hex').slice(0, 8)}`);
}
