import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { marksOf } from '../../fhir/record-marks.ts';
import type { StoreUnderTest } from './fhir-stores.ts';
import type {
  DeletionBatch,
  FhirStore,
  ImportBatch,
  ImportRow,
  ResourceKey,
  StoredResource,
} from '../../store/fhir-store.ts';

/** A transformed record as the import hands it to the store. */
export function importRow(type: string, id: string, patientId: string | undefined, more = '', line = 1): ImportRow {
  return rowOf(`{"resourceType":"${type}","id":"${id}"${more === '' ? '' : `,${more}`}}`, patientId, line);
}

export function rowOf(text: string, patientId: string | undefined, line = 1): ImportRow {
  const { resourceType, id } = JSON.parse(text) as { resourceType: string; id: string };
  const contentHash = createHash('sha256').update(text).digest('hex');
  return { type: resourceType, id, content: text, patientId, contentHash, line, ...marksOf(text) };
}

/** What a migration has to do that forgets marks: of records, and of all on their pages but what no export shows. */
const FORGET_MARKS = `
  WITH forgotten AS (
    UPDATE resource SET marks = NULL, shared_references = NULL WHERE type = $1 AND patient_id = coalesce($2, patient_id)
    RETURNING page_id
  )
  UPDATE record_page SET shared_references = NULL, records = (
    SELECT string_agg(CASE WHEN substr(records, 16 * n + 5, 4) = int4send(-1) THEN substr(records, 16 * n + 1, 16)
      ELSE substr(records, 16 * n + 1, 4) || int4send(15 << 11) || substr(records, 16 * n + 9, 4) || int4send(0) END, '' ORDER BY n)
    FROM generate_series(0, octet_length(records) / 16 - 1) AS n
  ) WHERE id IN (SELECT page_id FROM forgotten)`;

/** As if they, and what stands on their pages, had been stored before there were any marks. */
export async function forgetMarks(pool: Pool, type: string, patientId?: string): Promise<void> {
  await pool.query(FORGET_MARKS, [type, patientId]);
}

/** The exchange's row and one file of it, as they stand when its import begins. */
export async function openExchange(pool: Pool, exchangeId: string, localPatientId: string, files = 1): Promise<void> {
  await pool.query(
    `INSERT INTO exchange (id, payer_pid, organization_id, local_patient_id, fingerprint, request)
     VALUES ($1, 1, 'org', $2, $1, '')`,
    [exchangeId, localPatientId],
  );
  for (let number = 0; number < files; number += 1) {
    await pool.query(
      `INSERT INTO exchange_file (exchange_id, number, list, type, url) VALUES ($1, $2, 'output', 'Observation', 'http://payer/f')`,
      [exchangeId, number],
    );
  }
}

/** One batch that continues the file by its rows: as many lines, ten bytes each. */
export function batchOf(exchangeId: string, rows: readonly ImportRow[], fromLine = 0, file = 0): ImportBatch {
  const to = fromLine + rows.length;
  return {
    ...{ exchangeId, file, rows, refused: [], openTargets: [] },
    from: { line: fromLine, offset: fromLine * 10 },
    checkpoint: { line: to, offset: to * 10 },
  };
}

/** A batch of the second file that deletes these (`Type/id`). */
export function deletionOf(exchangeId: string, keys: readonly string[], fromLine = 0): DeletionBatch {
  const targets = keys.map((key) => {
    const [type = '', id = ''] = key.split('/');
    return { type, id };
  });
  return {
    ...{ exchangeId, file: 1, targets, refused: [] },
    from: { line: fromLine, offset: fromLine * 10 },
    checkpoint: { line: fromLine + 1, offset: fromLine * 10 + 10 },
  };
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

export const versionKey = (resource: StoredResource): string =>
  `${resource.type}/${resource.id}/_history/${resource.versionId}`;

/** `Type/id` of each. */
export const ids = (keys: readonly ResourceKey[]): string[] => keys.map(({ type, id }) => `${type}/${id}`);

export async function createResource(store: FhirStore, text: string): Promise<StoredResource> {
  const { resourceType, id } = JSON.parse(text) as { resourceType: string; id: string };
  const [result] = await store.write([{ kind: 'update', type: resourceType, id, text }]);
  if (result === undefined) throw new Error('nothing was written');
  return result.resource;
}

/** An exchange `<id>` that brought the Patient `<id>-p` with one Observation, linked with the local Patient `<id>-local`. */
export async function publishExchange({ pool, store }: StoreUnderTest, id: string): Promise<void> {
  const local = `${id}-local`;
  const imported = `${id}-p`;
  await openExchange(pool, id, local);
  await createResource(store, `{"resourceType":"Patient","id":"${local}"}`);
  const rows = [importRow('Patient', imported, imported), importRow('Observation', `${id}-o`, imported)];
  await store.importBatch(batchOf(id, rows));
  await store.publish(id, { localPatientId: local, importedPatientId: imported });
}

/** What stands in the tables of records and staging, as text. */
export async function recordTables(pool: Pool): Promise<unknown> {
  const tables = [
    ...['resource', 'resource_identifier', 'resource_name', 'patient_link', 'unchanged_resource', 'blob_chunk'],
    ...['exchange_count', 'open_target', 'staged_ids'],
  ];
  const contents = await Promise.all(
    tables.map(async (table) => {
      const { rows } = await pool.query<{ row: string }>(`SELECT t::text AS row FROM ${table} t ORDER BY 1`);
      return [table, rows.map(({ row }) => row)];
    }),
  );
  return Object.fromEntries(contents) as unknown;
}
