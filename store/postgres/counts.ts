import type { PoolClient } from 'pg';
import type { DeletionCounts, RefusedLine, TypeCounts } from '../fhir-store.ts';
import type { Queryable } from './transaction.ts';

export interface MutableCounts {
  received: number;
  new: number;
  updated: number;
  unchanged: number;
}

/** Under which lines count whose type neither the line nor its file tells. */
const UNKNOWN_TYPE = 'Resource';

export async function addCounts(
  client: PoolClient,
  exchangeId: string,
  counts: ReadonlyMap<string, MutableCounts>,
): Promise<void> {
  if (counts.size === 0) return;
  const all = [...counts.values()];
  await client.query(
    `INSERT INTO exchange_count AS c (exchange_id, type, received, new, updated, unchanged)
     SELECT $1, k.* FROM unnest($2::text[], $3::int[], $4::int[], $5::int[], $6::int[]) AS k
     ON CONFLICT (exchange_id, type) DO UPDATE SET received = c.received + excluded.received, new = c.new + excluded.new,
       updated = c.updated + excluded.updated, unchanged = c.unchanged + excluded.unchanged`,
    [
      exchangeId,
      [...counts.keys()],
      all.map((count) => count.received),
      all.map((count) => count.new),
      all.map((count) => count.updated),
      all.map((count) => count.unchanged),
    ],
  );
}

/** Deletions by type; negative where what was counted at first turns out otherwise. */
export async function addDeletions(
  client: PoolClient,
  exchangeId: string,
  counts: ReadonlyMap<string, DeletionCounts>,
): Promise<void> {
  if (counts.size === 0) return;
  const all = [...counts.values()];
  await client.query(
    `INSERT INTO exchange_count AS c (exchange_id, type, deleted, deletions_kept, deletions_unknown)
     SELECT $1, k.* FROM unnest($2::text[], $3::int[], $4::int[], $5::int[]) AS k
     ON CONFLICT (exchange_id, type) DO UPDATE SET deleted = c.deleted + excluded.deleted,
       deletions_kept = c.deletions_kept + excluded.deletions_kept,
       deletions_unknown = c.deletions_unknown + excluded.deletions_unknown`,
    [
      exchangeId,
      [...counts.keys()],
      all.map(({ deleted }) => deleted),
      all.map(({ kept }) => kept),
      all.map(({ unknown }) => unknown),
    ],
  );
}

/** Each line counts once, as received and as refused, however often it is reported. */
export async function addRefused(client: PoolClient, exchangeId: string, lines: readonly RefusedLine[]): Promise<void> {
  if (lines.length === 0) return;
  await client.query(
    `WITH given AS (
       SELECT * FROM unnest($2::int[], $3::int[], $4::text[], $5::text[]) AS k(file, line, reason, type)
     ), added AS (
       INSERT INTO refused_line (exchange_id, file, line, reason) SELECT $1, file, line, reason FROM given
       ON CONFLICT DO NOTHING RETURNING file, line
     )
     INSERT INTO exchange_count AS c (exchange_id, type, received, refused)
     SELECT $1, coalesce(g.type, f.type, $6), count(*), count(*) FROM added a
     JOIN (SELECT file, line, max(type) AS type FROM given GROUP BY file, line) g ON g.file = a.file AND g.line = a.line
     LEFT JOIN exchange_file f ON f.exchange_id = $1 AND f.number = a.file
     GROUP BY 2
     ON CONFLICT (exchange_id, type) DO UPDATE SET received = c.received + excluded.received, refused = c.refused + excluded.refused`,
    [
      exchangeId,
      lines.map(({ file }) => file),
      lines.map(({ line }) => line),
      lines.map(({ reason }) => reason),
      lines.map(({ type }) => type ?? null),
      UNKNOWN_TYPE,
    ],
  );
}

export async function importCounts(client: Queryable, exchangeId: string): Promise<readonly TypeCounts[]> {
  const { rows } = await client.query<TypeCounts>(
    `SELECT type, received, new, updated, unchanged, refused, deleted, deletions_kept AS "deletionsKept",
       deletions_unknown AS "deletionsUnknown"
     FROM exchange_count WHERE exchange_id = $1 ORDER BY type COLLATE "C"`,
    [exchangeId],
  );
  return rows;
}

export async function refusedLines(
  client: Queryable,
  exchangeId: string,
  limit: number,
): Promise<readonly RefusedLine[]> {
  const { rows } = await client.query<RefusedLine>(
    'SELECT file, line, reason FROM refused_line WHERE exchange_id = $1 ORDER BY file, line LIMIT $2',
    [exchangeId, limit],
  );
  return rows;
}
