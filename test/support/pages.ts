import type { Pool } from 'pg';

export interface StandingRecord {
  readonly page: string;
  readonly patient: string;
  readonly type: string;
  readonly publication: string;
  readonly row: number;
  readonly id: string;
  readonly idBytes: number;
  /** Null of what no export shows. */
  readonly marks: number | null;
  readonly bytes: number;
  readonly references: string | null;
}

interface PageRow {
  readonly id: string;
  readonly patient_id: string;
  readonly type: string;
  readonly publication_id: string;
  readonly ids: string;
  readonly records: Buffer;
  readonly shared_references: string | null;
}

const RECORD_BYTES = 16;
const NEVER_LOOKED_AT = 15 << 11;

/** What the pages say. */
export async function toldByPages(pool: Pool): Promise<readonly StandingRecord[]> {
  const { rows } = await pool.query<PageRow>('SELECT * FROM record_page ORDER BY id');
  return rows.flatMap(({ id, patient_id, type, publication_id, ids, records, shared_references }) => {
    const lists = shared_references?.split('\n') ?? [];
    const names = ids.split(' ');
    if (records.length !== names.length * RECORD_BYTES) throw new Error(`page ${id} is not whole`);
    return names.map((name, place) => {
      const word = (index: number): number => records.readInt32BE(place * RECORD_BYTES + index * 4);
      const marks = word(1) === -1 ? null : word(1);
      return {
        ...{ page: id, patient: patient_id, type, publication: publication_id, row: word(0) & 255, id: name, marks },
        idBytes: word(0) >> 8,
        ...{ bytes: word(2), references: word(3) === 0 ? null : (lists[word(3) - 1] ?? 'none') },
      };
    });
  });
}

/** What is so. */
export async function standingOnPages(pool: Pool): Promise<readonly StandingRecord[]> {
  const { rows } = await pool.query<StandingRecord>(
    `SELECT page_id AS page, patient_id AS patient, type, publication_id AS publication, page_row AS row, id,
       length(id) AS "idBytes",
       CASE WHEN NOT deleted AND NOT evidence THEN coalesce(marks, ${NEVER_LOOKED_AT}) END AS marks,
       octet_length(content) AS bytes, shared_references AS references
     FROM resource WHERE patient_id IS NOT NULL ORDER BY page_id, page_row`,
  );
  return rows;
}
