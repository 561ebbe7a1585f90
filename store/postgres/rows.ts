import { withStoredMeta } from '../../fhir/stored-text.ts';
import type { ResourceKey, StoredResource } from '../fhir-store.ts';
import type { Queryable } from './transaction.ts';

/** Columns of a visible version: `r` is `resource`, `p` its `publication`. */
export const VERSION_COLUMNS = `r.type, r.id, r.publication_id, p.published_at, p.exchange_id, r.patient_id, r.evidence,
  r.deleted`;

/**
 * `Type/id`, as the indexes by patient and by publication have it. The slash stands before every character of a type's
 * name: the order is that of type and id.
 */
export const KEY = `(r.type || '/' || r.id)`;

/** The keys of one type lie from `Type/` up to this: the zero is the character behind the slash. */
export const endOfType = (type: string): string => `${type}0`;

/** A version without its text. */
export interface VersionRow {
  readonly type: string;
  readonly id: string;
  /** A bigint: pg gives its digits. */
  readonly publication_id: string;
  readonly published_at: Date;
  readonly exchange_id: string | null;
  readonly patient_id: string | null;
  readonly evidence: boolean;
  readonly deleted: boolean;
}

export interface ResourceRow extends VersionRow {
  readonly content: string;
}

/** Condition that no version published later (and not after `asOf`, a placeholder) takes the place of `r`. */
export function isNewest(asOf?: string): string {
  const bound = asOf === undefined ? '' : ` AND np.published_at <= ${asOf}`;
  return `NOT EXISTS (SELECT 1 FROM resource n JOIN publication np ON np.id = n.publication_id
    WHERE n.type = r.type AND n.id = r.id AND n.publication_id <> r.publication_id
    AND np.published_at > p.published_at${bound})`;
}

/** The visible version with the greatest instant of each key `k(type, id)`, up to `asOf`, a placeholder. */
export function newestOfKey(columns: string, asOf?: string): string {
  const bound = asOf === undefined ? 'p.published_at IS NOT NULL' : `p.published_at <= ${asOf}`;
  return `(SELECT ${columns} FROM resource r JOIN publication p ON p.id = r.publication_id
    WHERE r.type = k.type AND r.id = k.id AND ${bound} ORDER BY p.published_at DESC LIMIT 1)`;
}

export function toStored(row: ResourceRow): StoredResource {
  const versionId = row.publication_id;
  const lastUpdated = row.published_at.toISOString();
  return {
    type: row.type,
    id: row.id,
    versionId,
    lastUpdated,
    text: row.deleted ? '' : withStoredMeta(row.content, { versionId, lastUpdated }),
    patientId: row.patient_id ?? undefined,
    origin: row.exchange_id === null ? 'native' : 'imported',
    exchangeId: row.exchange_id ?? undefined,
    evidence: row.evidence,
    deleted: row.deleted,
  };
}

/** The last instant at which something became visible: what is read as of it does not change any more. */
export async function latestInstant(client: Queryable): Promise<string> {
  const { rows } = await client.query<{ instant: Date | null }>('SELECT max(published_at) AS instant FROM publication');
  return (rows[0]?.instant ?? new Date(0)).toISOString();
}

/** The keys as two arrays, for `unnest`. */
export function keyColumns(keys: readonly ResourceKey[]): [readonly string[], readonly string[]] {
  return [keys.map(({ type }) => type), keys.map(({ id }) => id)];
}
