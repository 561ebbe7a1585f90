import type { PoolClient } from 'pg';
import { SHARED_TYPES } from '../../fhir/compartment.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { keyOf } from '../fhir-store.ts';
import type { ImportRow, ResourceKey } from '../fhir-store.ts';
import { keyColumns } from './rows.ts';
import type { StagedRow } from './stage.ts';

export const SHARED_TYPE_LIST: readonly string[] = [...SHARED_TYPES].sort();

export interface Publication {
  readonly id: string;
  readonly publishedAt: string | undefined;
}

/**
 * The publication of the exchange, made where there is none. Its row stays locked until the transaction ends: batches,
 * publication and removal of one exchange take turns.
 *
 * @throws ExchangeError `cancelled` where the import was removed
 */
export async function lockPublication(client: PoolClient, exchangeId: string): Promise<Publication> {
  await client.query('INSERT INTO publication (exchange_id) VALUES ($1) ON CONFLICT (exchange_id) DO NOTHING', [
    exchangeId,
  ]);
  const { rows } = await client.query<{ id: string; published_at: Date | null; removed: boolean }>(
    'SELECT id, published_at, removed FROM publication WHERE exchange_id = $1 FOR NO KEY UPDATE',
    [exchangeId],
  );
  const [row] = rows;
  if (row === undefined || row.removed) throw new ExchangeError('cancelled', { detail: 'the import was removed' });
  return { id: row.id, publishedAt: row.published_at?.toISOString() };
}

/** @throws ExchangeError `conflict` once the exchange is published, `cancelled` where it was removed */
export async function lockStaging(client: PoolClient, exchangeId: string): Promise<string> {
  const publication = await lockPublication(client, exchangeId);
  if (publication.publishedAt !== undefined) throw new ExchangeError('conflict', { detail: 'the import is published' });
  return publication.id;
}

/** What the store knows of a key before a row of it is staged. */
export interface Known {
  /** Of the row that this exchange has staged (hex). */
  readonly staged: string | null;
  /** Of the version that is visible now (hex); null where there is none or it is a tombstone. */
  readonly visible: string | null;
  /** This exchange has delivered the visible version already. */
  readonly unchanged: boolean;
}

interface VersionOfKey extends ResourceKey {
  readonly own: boolean;
  readonly hash: string;
  readonly deleted: boolean;
  readonly published_at: Date | null;
}

/** One probe for each key, whatever becomes of it: of most keys of a first exchange there is nothing. */
export async function knownOf(
  client: PoolClient,
  publicationId: string,
  keys: readonly ResourceKey[],
): Promise<ReadonlyMap<string, Known>> {
  const { rows } = await client.query<VersionOfKey>(
    `SELECT k.type, k.id, r.publication_id = $3 AS own, encode(r.content_hash, 'hex') AS hash, r.deleted, p.published_at
     FROM unnest($1::text[], $2::text[]) AS k(type, id)
     CROSS JOIN LATERAL (SELECT * FROM resource r WHERE r.type = k.type AND r.id = k.id OFFSET 0) r
     LEFT JOIN publication p ON p.id = r.publication_id AND p.published_at IS NOT NULL
     WHERE r.publication_id = $3 OR p.id IS NOT NULL
     ORDER BY p.published_at NULLS FIRST`,
    [...keyColumns(keys), publicationId],
  );
  const known = new Map<string, Known>();
  for (const row of rows) {
    const before = known.get(keyOf(row)) ?? { staged: null, visible: null, unchanged: false };
    const visible = row.deleted ? null : row.hash;
    known.set(keyOf(row), row.own ? { ...before, staged: row.hash } : { ...before, visible });
  }
  if (known.size === 0) return known;
  for (const key of await unchangedAmong(client, publicationId, rows)) {
    const before = known.get(keyOf(key));
    if (before !== undefined) known.set(keyOf(key), { ...before, unchanged: true });
  }
  return known;
}

async function unchangedAmong(
  client: PoolClient,
  publicationId: string,
  keys: readonly ResourceKey[],
): Promise<readonly ResourceKey[]> {
  const { rows } = await client.query<ResourceKey>(
    `SELECT u.type, u.id FROM unnest($1::text[], $2::text[]) AS k(type, id)
     JOIN unchanged_resource u ON u.type = k.type AND u.id = k.id AND u.publication_id = $3`,
    [...keyColumns(keys), publicationId],
  );
  return rows;
}

export function toStagedRow(row: ImportRow, generated: boolean): StagedRow {
  return {
    type: row.type,
    id: row.id,
    patientId: row.patientId ?? (row.type === 'Patient' ? row.id : undefined),
    evidence: row.evidence ?? false,
    generated,
    deleted: false,
    contentHash: row.contentHash,
    content: row.content,
    marks: row,
  };
}

export async function keepUnchanged(
  client: PoolClient,
  publicationId: string,
  keys: readonly ResourceKey[],
): Promise<void> {
  if (keys.length === 0) return;
  await client.query(
    `INSERT INTO unchanged_resource (publication_id, type, id)
     SELECT $1, k.type, k.id FROM unnest($2::text[], $3::text[]) AS k(type, id) ON CONFLICT DO NOTHING`,
    [publicationId, keys.map(({ type }) => type), keys.map(({ id }) => id)],
  );
}
