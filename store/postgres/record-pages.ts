import type { PoolClient } from 'pg';
import { PAGE_RECORDS, pageColumns } from '../record-page.ts';
import type { PageRecord } from '../record-page.ts';
import type { RecordPlace } from '../record-batch.ts';
import { copyRows } from './copy.ts';
import type { Queryable } from './transaction.ts';

export interface Placed {
  readonly type: string;
  readonly patientId: string | undefined;
}

/** Of each record its place on new pages, undefined where it lies in no compartment: one compartment and type each, in the order in which they come. */
export async function placesFor(
  client: Queryable,
  records: readonly Placed[],
): Promise<readonly (RecordPlace | undefined)[]> {
  const open = new Map<string, { readonly page: number; row: number }>();
  let pages = 0;
  const places = records.map(({ type, patientId }) => {
    if (patientId === undefined) return undefined;
    const key = `${type}/${patientId}`;
    const last = open.get(key);
    const place = last === undefined || last.row + 1 === PAGE_RECORDS ? { page: pages++, row: 0 } : last;
    if (place === last) last.row += 1;
    else open.set(key, place);
    return { page: place.page, row: place.row };
  });
  if (pages === 0) return places.map(() => undefined);
  const { rows } = await client.query<{ id: string }>(
    `SELECT nextval('record_page_id_seq') AS id FROM generate_series(1, $1)`,
    [pages],
  );
  const ids = rows.map(({ id }) => BigInt(id));
  return places.map((place) => {
    const page = place && ids[place.page];
    return page === undefined || place === undefined ? undefined : { page, row: place.row };
  });
}

/**
 * A version that is written by one statement, on a page like the others: `select` answers `type`, `id` and `patient_id`, of
 * one publication, and what else is wanted.
 */
export function placedRows(select: string): string {
  const inCompartment = (value: string): string => `CASE WHEN s.patient_id IS NOT NULL THEN ${value} END`;
  return `SELECT s.*, ${inCompartment(`min(s.number) OVER (PARTITION BY s.patient_id, s.type, s.place / ${PAGE_RECORDS})`)} AS page_id,
      ${inCompartment(`(s.place % ${PAGE_RECORDS})::int`)} AS page_row
    FROM (
      SELECT s.*, nextval('record_page_id_seq') AS number,
        row_number() OVER (PARTITION BY s.patient_id, s.type ORDER BY s.id) - 1 AS place
      FROM (${select}) s
    ) s`;
}

export interface Page {
  readonly id: bigint;
  readonly patientId: string;
  readonly type: string;
  readonly publicationId: bigint;
  readonly records: readonly PageRecord[];
}

export async function writePages(client: PoolClient, pages: readonly Page[]): Promise<void> {
  await copyRows(
    client,
    'record_page (id, patient_id, type, publication_id, ids, records, shared_references)',
    pages.map(({ id, patientId, type, publicationId, records }) => {
      const columns = pageColumns(records);
      return [id, patientId, type, publicationId, columns.ids, columns.records, columns.sharedReferences];
    }),
  );
}

interface RecordRow {
  readonly page_id: string;
  readonly page_row: number;
  readonly type: string;
  readonly id: string;
  readonly publication_id: string;
  readonly patient_id: string;
  readonly hidden: boolean;
  readonly marks: number | null;
  readonly bytes: number;
  readonly shared_references: string | null;
}

/** Writes pages anew from the records that stand on them: after some of these have gone, or come by a statement of their own. */
export async function rewritePages(client: PoolClient, pageIds: readonly (string | null)[]): Promise<void> {
  const ids = [...new Set(pageIds)].filter((id) => id !== null);
  if (ids.length === 0) return;
  await client.query('DELETE FROM record_page WHERE id = ANY($1::bigint[])', [ids]);
  const { rows } = await client.query<RecordRow>(
    `SELECT page_id, page_row, type, id, publication_id, patient_id, deleted OR evidence AS hidden, marks,
       octet_length(content) AS bytes, shared_references
     FROM resource WHERE page_id = ANY($1::bigint[]) ORDER BY page_id, page_row`,
    [ids],
  );
  const pages = new Map<string, Page & { readonly records: PageRecord[] }>();
  for (const row of rows) {
    const { page_id, type, publication_id, patient_id, id, page_row, hidden, marks, bytes, shared_references } = row;
    const ids = { id: BigInt(page_id), publicationId: BigInt(publication_id) };
    const page = pages.get(page_id) ?? { ...ids, patientId: patient_id, type, records: [] };
    pages.set(page_id, page);
    const kept = { marks: marks ?? undefined, sharedReferences: shared_references ?? undefined };
    page.records.push({ row: page_row, id, isHidden: hidden, bytes, ...kept });
  }
  await writePages(client, [...pages.values()]);
}
