import type { Pool } from 'pg';
import { escapeLiteral } from 'pg';
import type { Unmarked } from '../../fhir/record-marks.ts';
import { metaStamp } from '../../fhir/stored-bytes.ts';
import type { RecordBatch } from '../record-batch.ts';
import { runsOfPage } from '../record-page.ts';
import type { RecordPage } from '../record-page.ts';
import type { RecordRun, RunQuery } from '../record-run.ts';
import { batchColumns, batchReader } from './batch-record.ts';
import { publicationConditions } from './compartment.ts';
import { instantOf, textOf } from './copied-values.ts';
import { copiedRows, streamOnConnection } from './copy-out.ts';
import { columnEnd, columnStart } from './copy-rows.ts';
import type { CopiedRow } from './copy-rows.ts';
import { latestInstant, newestOfKey } from './rows.ts';
import { ShownVersions } from './shown-versions.ts';

const BYTES_AT_ONCE = 64 * 1024;

/** By the indexes, in the order in which they are named: statistics of what was written just now say nothing of it. */
const PLAN = [
  ...['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map((way) => `SET LOCAL enable_${way} = off`),
  'SET LOCAL max_parallel_workers_per_gather = 0',
].join('; ');

const Column = {
  ...{ patient: 0, version: 1, published: 2, isAsked: 3, isOldest: 4, page: 5, records: 6, references: 7, ids: 8 },
} as const;

/** Records of a type as runs, newest version each, compartment by compartment; no record is read, but what their pages tell. */
export async function* readRunsOfType(pool: Pool, type: string, query: RunQuery): AsyncGenerator<readonly RecordRun[]> {
  const patientIds = [...new Set(query.patientIds)];
  if (patientIds.length === 0) return;
  yield* streamOnConnection(pool, async function* (client) {
    const asOf = query.asOf ?? (await latestInstant(client));
    await client.query(`BEGIN; ${PLAN}`);
    const { rows } = await client.query<{ id: string; version: string | null }>(MOVED, [type, patientIds, asOf]);
    const shown = new ShownVersions(new Map(rows.map(({ id, version }) => [id, version])));
    const pageOf = pageReader();
    const select = selection(type, { ...query, patientIds, asOf }, rows.length > 0);
    for await (const { bytes, rows } of copiedRows(client, select, BYTES_AT_ONCE)) {
      const isTrue = (row: CopiedRow, column: number): boolean => bytes.readInt8(columnStart(bytes, row, column)) === 1;
      yield rows.flatMap((row) => {
        const page = pageOf(bytes, row);
        const isShown = shown.on(page, textOf(bytes, row, Column.ids), isTrue(row, Column.isOldest));
        return isTrue(row, Column.isAsked) ? runsOfPage(page, { ...query, isShown }) : [];
      });
    }
    await client.query('COMMIT');
  });
}

/** What has to be read of runs, run after run. */
export async function* readRecordsOfRuns(
  pool: Pool,
  type: string,
  runs: readonly RecordRun[],
  unmarked: Unmarked,
): AsyncGenerator<RecordBatch> {
  if (runs.length === 0) return;
  const array = (values: readonly string[]): string => `ARRAY[${values.map(escapeLiteral).join(',')}]`;
  const [pages, rows] = [array(runs.map(({ page }) => String(page))), array(runs.map((run) => run.rows))];
  const select = `SELECT ${batchColumns(unmarked)}
    FROM unnest(${pages}::bigint[], ${rows}::text[]) AS k(page, rows)
    CROSS JOIN LATERAL (
      SELECT * FROM resource r WHERE r.page_id = k.page AND r.page_row = ANY (string_to_array(k.rows, ' ')::int[])
      ORDER BY r.page_row
    ) r JOIN publication p ON p.id = r.publication_id`;
  yield* streamOnConnection(pool, async function* (client) {
    await client.query(`BEGIN; ${PLAN}`);
    const batchOf = batchReader(type);
    for await (const copied of copiedRows(client, select, BYTES_AT_ONCE)) yield batchOf(copied);
    await client.query('COMMIT');
  });
}

/** Which version is the newest one of ids that these compartments have shared with others. */
const MOVED = `SELECT k.id, v.publication_id AS version
  FROM (SELECT DISTINCT type, id FROM moved_record WHERE type = $1 AND patient_id = ANY($2::text[])) k
  LEFT JOIN LATERAL ${newestOfKey('r.publication_id', '$3')} v ON true`;

/**
 * The pages of each compartment, the newest publication first: what stands on a later one of an id is an older version. The
 * ids come along where there can be any.
 */
function selection(type: string, query: RunQuery & { readonly asOf: string }, hasMoved: boolean): string {
  const { patientIds, since, asOf, origin } = query;
  const kind = escapeLiteral(type);
  const within = publicationConditions(LITERALS, { asOf, ...(since !== undefined && { since }) }).join(' AND ');
  const isAsked = publicationConditions(LITERALS, { asOf, ...(origin !== undefined && { origin }) }).join(' AND ');
  return `SELECT m.id, d.publication_id, d.published_at, d.is_asked, d.is_oldest, g.id, g.records,
      g.shared_references, CASE WHEN d.publications > 1 OR ${hasMoved} THEN g.ids END
    FROM unnest(ARRAY[${patientIds.map(escapeLiteral).join(',')}]::text[]) AS m(id)
    CROSS JOIN LATERAL (
      SELECT k.publication_id, p.published_at, ${isAsked} AS is_asked, count(*) OVER () AS publications,
        lead(k.publication_id) OVER (ORDER BY p.published_at DESC) IS NULL AS is_oldest
      FROM (SELECT DISTINCT publication_id FROM record_page WHERE patient_id = m.id AND type = ${kind}) k
      JOIN publication p ON p.id = k.publication_id WHERE ${within} ORDER BY p.published_at DESC
    ) d
    CROSS JOIN LATERAL (
      SELECT * FROM record_page g
      WHERE g.patient_id = m.id AND g.type = ${kind} AND g.publication_id = d.publication_id ORDER BY g.id
    ) g`;
}

/** COPY takes no parameters: values stand in the statement. */
const LITERALS = { add: (value: unknown): string => escapeLiteral(String(value)) };

type Publication = Pick<RecordPage, 'version' | 'lastUpdated' | 'addedBytes'>;

function pageReader(): (bytes: Buffer, row: CopiedRow) => RecordPage {
  let publication: Publication | undefined;
  return (bytes, row) => {
    const version = bytes.readBigInt64BE(columnStart(bytes, row, Column.version));
    if (publication?.version !== version) publication = publicationOf(bytes, row, version);
    const start = columnStart(bytes, row, Column.records);
    return {
      ...publication,
      patientId: textOf(bytes, row, Column.patient) ?? '',
      page: bytes.readBigInt64BE(columnStart(bytes, row, Column.page)),
      records: bytes.subarray(start, columnEnd(bytes, start)),
      sharedReferences: textOf(bytes, row, Column.references),
    };
  };
}

function publicationOf(bytes: Buffer, row: CopiedRow, version: bigint): Publication {
  const lastUpdated = instantOf(bytes, row, Column.published);
  // A line has an end besides.
  return { version, lastUpdated, addedBytes: metaStamp({ versionId: String(version), lastUpdated }).length + 1 };
}
