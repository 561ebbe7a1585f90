import type { Pool } from 'pg';

/** A resource that a delivered record points to. */
export interface WantedReference {
  readonly type: string;
  readonly originalId: string;
  /** Where its id at the payer is not known: of an attachment that is no FHIR resource there, or a search (`Type?identifier=…`). */
  readonly url?: string | undefined;
  readonly contentType?: string | undefined;
}

/** What the records of an exchange point to, while its files are read. */
export interface WantedReferenceStore {
  /** The same ones again change nothing. */
  add(exchangeId: string, wanted: readonly WantedReference[]): Promise<void>;
  /** Those that this exchange does not deliver and that nobody has asked for yet, ordered by type and id. */
  missing(exchangeId: string, limit: number): Promise<readonly WantedReference[]>;
  markTried(exchangeId: string, wanted: readonly WantedReference[]): Promise<void>;
  tried(exchangeId: string): Promise<number>;
}

export function createWantedReferenceStore(pool: Pool): WantedReferenceStore {
  return {
    async add(exchangeId, wanted) {
      if (wanted.length === 0) return;
      await pool.query(
        `INSERT INTO wanted_reference (exchange_id, type, original_id, url, content_type)
         SELECT DISTINCT ON (k.type, k.original_id) $1, k.*
         FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS k(type, original_id, url, content_type)
         ON CONFLICT DO NOTHING`,
        [
          exchangeId,
          wanted.map(({ type }) => type),
          wanted.map(({ originalId }) => originalId),
          wanted.map(({ url }) => url ?? null),
          wanted.map(({ contentType }) => contentType ?? null),
        ],
      );
    },

    async missing(exchangeId, limit) {
      const { rows } = await pool.query<{ type: string; id: string; url: string | null; content_type: string | null }>(
        `SELECT w.type, w.original_id AS id, w.url, w.content_type FROM wanted_reference w
         WHERE w.exchange_id = $1 AND NOT w.tried AND NOT EXISTS (SELECT 1 FROM delivered_resource d
           WHERE d.exchange_id = w.exchange_id AND d.type = w.type AND d.original_id = w.original_id)
         ORDER BY w.type, w.original_id LIMIT $2`,
        [exchangeId, limit],
      );
      return rows.map(({ type, id, url, content_type: contentType }) => ({
        ...{ type, originalId: id },
        ...(url !== null && { url }),
        ...(contentType !== null && { contentType }),
      }));
    },

    async markTried(exchangeId, wanted) {
      await pool.query(
        `UPDATE wanted_reference w SET tried = true FROM unnest($2::text[], $3::text[]) AS k(type, original_id)
         WHERE w.exchange_id = $1 AND w.type = k.type AND w.original_id = k.original_id`,
        [exchangeId, wanted.map(({ type }) => type), wanted.map(({ originalId }) => originalId)],
      );
    },

    async tried(exchangeId) {
      const { rows } = await pool.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM wanted_reference WHERE exchange_id = $1 AND tried',
        [exchangeId],
      );
      return rows[0]?.count ?? 0;
    },
  };
}
