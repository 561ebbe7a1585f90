import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { z } from 'zod';
import { projectRoot } from './project-root.ts';
import { StartError } from './start-error.ts';

interface Migration {
  readonly name: string;
  readonly sql: string;
  /** As Prisma computes it, so that `prisma migrate deploy` finds nothing to do. */
  readonly checksum: string;
}

/** Prisma's own table, as its migration engine creates it. */
const TABLE = `
CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL,
    "checksum" VARCHAR(64) NOT NULL,
    "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL,
    "logs" TEXT,
    "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

/** The advisory lock that Prisma's migration engine takes as well. */
const LOCK = 72707369;

const appliedSchema = z.object({
  migration_name: z.string(),
  checksum: z.string(),
  finished_at: z.date().nullable(),
});
type Applied = z.infer<typeof appliedSchema>;

/**
 * Brings the database to the newest schema; safe to run by several programs at once.
 *
 * @returns the names of the migrations that were applied now
 * @throws StartError when an applied migration has changed since, or one fails
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(TABLE);
    const applied = await readApplied(client);
    const pending = readMigrations().filter((migration) => !isApplied(migration, applied));
    for (const migration of pending) await apply(client, migration);
    return pending.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

function readMigrations(): Migration[] {
  const folder = path.join(projectRoot(), 'prisma', 'migrations');
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names
    .map(({ name }) => name)
    .sort()
    .map((name) => {
      const sql = readFileSync(path.join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });
}

async function readApplied(client: Client): Promise<Map<string, Applied>> {
  const { rows } = await client.query(
    'SELECT migration_name, checksum, finished_at FROM "_prisma_migrations" WHERE rolled_back_at IS NULL',
  );
  return new Map(
    z
      .array(appliedSchema)
      .parse(rows)
      .map((row) => [row.migration_name, row]),
  );
}

function isApplied(migration: Migration, applied: ReadonlyMap<string, Applied>): boolean {
  const row = applied.get(migration.name);
  if (row === undefined) return false;
  if (row.finished_at === null) {
    throw new StartError(`The database migration ${migration.name} was begun by another program and never finished.`);
  }
  if (row.checksum !== migration.checksum) {
    throw new StartError(
      `The database migration ${migration.name} was applied in another form than the file now has: the database belongs to another version of the program.`,
    );
  }
  return true;
}

async function apply(client: Client, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, transaction_timestamp(), clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
    await client.query('COMMIT');
  } catch (err) {
    await client.query('ROLLBACK');
    const reason = err instanceof Error ? err.message : String(err);
    throw new StartError(`The database migration ${migration.name} failed and was taken back: ${reason}`);
  }
}
