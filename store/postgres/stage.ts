import type { PoolClient } from 'pg';
import { indexValuesOf, LOOKED_UP_TYPES } from '../../fhir/index-values.ts';
import type { RecordMarks } from '../../fhir/record-marks.ts';
import type { RecordPlace } from '../record-batch.ts';
import type { PageRecord } from '../record-page.ts';
import { copyRows } from './copy.ts';
import type { CopyValue } from './copy.ts';
import { placesFor, rewritePages, writePages } from './record-pages.ts';
import type { Page } from './record-pages.ts';

/** One version on its way into `resource`. */
export interface StagedRow {
  readonly type: string;
  readonly id: string;
  readonly patientId: string | undefined;
  readonly evidence: boolean;
  readonly generated: boolean;
  readonly deleted: boolean;
  /** SHA-256 of the content (hex). */
  readonly contentHash: string;
  /** The text, or its UTF-8. */
  readonly content: string | Uint8Array;
  /** Of a tombstone nothing is marked. */
  readonly marks: RecordMarks | undefined;
}

const COLUMNS =
  'type, id, publication_id, patient_id, evidence, generated, deleted, content_hash, content, marks, shared_references, page_id, page_row';

/** Writes the versions and what is indexed of them; they show once the publication has its instant. */
export async function stageRows(client: PoolClient, publicationId: string, rows: readonly StagedRow[]): Promise<void> {
  if (rows.length === 0) return;
  const publication = BigInt(publicationId);
  const places = await placesFor(client, rows);
  await copyRows(
    client,
    `resource (${COLUMNS})`,
    rows.map((row, index) => resourceValues(publication, row, places[index])),
  );
  await writePages(client, pagesOf(publication, rows, places));
  const identifiers: CopyValue[][] = [];
  const names: CopyValue[][] = [];
  const links: CopyValue[][] = [];
  for (const { type, id, deleted, content } of rows) {
    if (deleted || !LOOKED_UP_TYPES.has(type)) continue;
    const values = indexValuesOf(JSON.parse(textOf(content)) as Readonly<Record<string, unknown>>);
    const key = [type, id, publication];
    for (const { system, value } of values.identifiers) identifiers.push([...key, system, value]);
    for (const { part, name } of values.names) names.push([...key, part, name]);
    for (const linked of values.linkedPatients) links.push([id, publication, linked]);
  }
  await copyRows(client, 'resource_identifier (type, id, publication_id, system, value)', identifiers);
  await copyRows(client, 'resource_name (type, id, publication_id, part, name)', names);
  await copyRows(client, 'patient_link (patient_id, publication_id, linked_id)', links);
}

/** Takes staged versions of these ids away again, with what was indexed of them. */
export async function unstage(
  client: PoolClient,
  publicationId: string,
  keys: readonly { readonly type: string; readonly id: string }[],
): Promise<void> {
  const columns = [publicationId, keys.map(({ type }) => type), keys.map(({ id }) => id)];
  const among = '(type, id) IN (SELECT * FROM unnest($2::text[], $3::text[]))';
  const { rows } = await client.query<{ page_id: string | null }>(
    `DELETE FROM resource WHERE publication_id = $1 AND ${among} RETURNING page_id`,
    columns,
  );
  if (rows.length === 0) return;
  await rewritePages(
    client,
    rows.map(({ page_id }) => page_id),
  );
  await client.query(`DELETE FROM resource_identifier WHERE publication_id = $1 AND ${among}`, columns);
  await client.query(`DELETE FROM resource_name WHERE publication_id = $1 AND ${among}`, columns);
  await client.query(
    `DELETE FROM patient_link WHERE publication_id = $1
     AND ('Patient', patient_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))`,
    columns,
  );
}

function pagesOf(
  publicationId: bigint,
  rows: readonly StagedRow[],
  places: readonly (RecordPlace | undefined)[],
): readonly Page[] {
  const pages = new Map<bigint, Page & { readonly records: PageRecord[] }>();
  for (const [index, { type, id, patientId, deleted, evidence, content, marks }] of rows.entries()) {
    const place = places[index];
    if (place === undefined || patientId === undefined) continue;
    const page = pages.get(place.page) ?? { id: place.page, patientId, type, publicationId, records: [] };
    pages.set(place.page, page);
    page.records.push({
      ...{ row: place.row, id, isHidden: deleted || evidence, bytes: Buffer.byteLength(content) },
      ...{ marks: marks?.marks, sharedReferences: marks?.sharedReferences },
    });
  }
  return [...pages.values()];
}

function resourceValues(publication: bigint, row: StagedRow, place: RecordPlace | undefined): CopyValue[] {
  return [
    row.type,
    row.id,
    publication,
    row.patientId,
    row.evidence,
    row.generated,
    row.deleted,
    Buffer.from(row.contentHash, 'hex'),
    row.content,
    row.marks?.marks,
    row.marks?.sharedReferences,
    place?.page,
    place?.row,
  ];
}

const textOf = (content: string | Uint8Array): string =>
  typeof content === 'string' ? content : Buffer.from(content.buffer, content.byteOffset, content.length).toString();
