import type { PoolClient } from 'pg';
import { SHARED_TYPES } from '../../fhir/compartment.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { keyOf } from '../fhir-store.ts';
import type { ImportRow, ResourceKey } from '../fhir-store.ts';
import { keyColumns, newestOfKey } from './rows.ts';
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

export async function knownOf(
  client: PoolClient,
  publicationId: string,
  keys: readonly ResourceKey[],
): Promise<ReadonlyMap<string, Known>> {
  const { rows } = await client.query<ResourceKey & Known>(
    `SELECT k.type, k.id, encode(s.content_hash, 'hex') AS staged, encode(v.content_hash, 'hex') AS visible,
       u.id IS NOT NULL AS unchanged
     FROM unnest($1::text[], $2::text[]) AS k(type, id)
     LEFT JOIN resource s ON s.type = k.type AND s.id = k.id AND s.publication_id = $3
     LEFT JOIN unchanged_resource u ON u.type = k.type AND u.id = k.id AND u.publication_id = $3
     LEFT JOIN LATERAL ${newestOfKey('r.content_hash, r.deleted')} v ON NOT v.deleted
     WHERE s.id IS NOT NULL OR v.content_hash IS NOT NULL`,
    [...keyColumns(keys), publicationId],
  );
  return new Map(rows.map((row) => [keyOf(row), row]));
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
    content: row.text,
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
