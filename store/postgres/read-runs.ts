import type { Pool } from 'pg';
import { escapeLiteral } from 'pg';
import { isOverSql, isUnmarkedSql } from '../../fhir/record-marks.ts';
import type { Unmarked } from '../../fhir/record-marks.ts';
import { metaStamp } from '../../fhir/stored-bytes.ts';
import type { RecordBatch } from '../record-batch.ts';
import { RUN_RECORD_BYTES } from '../record-run.ts';
import type { RecordRun, RunQuery } from '../record-run.ts';
import { batchColumns, batchReader } from './batch-record.ts';
import { publicationConditions } from './compartment.ts';
import { instantOf, textOf } from './copied-values.ts';
import { copiedRows, streamOnConnection } from './copy-out.ts';
import { columnStart } from './copy-rows.ts';
import type { CopiedRow } from './copy-rows.ts';
import { endOfType, KEY, latestInstant } from './rows.ts';
import { rowsOfRun } from './run-rows.ts';

/** Rows of some compartments are written down before the first run of them is known: at first of so many, then by what these had. */
const PATIENTS_AT_FIRST = 20;
const RECORDS_AT_ONCE = 50_000;
const BYTES_AT_ONCE = 64 * 1024;

/** By the indexes: statistics of what was written just now say nothing of it. */
const PLAN = [
  ...['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map((way) => `SET LOCAL enable_${way} = off`),
  `SET LOCAL work_mem = '16MB'`,
].join('; ');

const KINDS = ['unmarked', 'over', 'rest'] as const satisfies readonly RecordRun['kind'][];
const HIDDEN = KINDS.length;

const Column = { patient: 0, kind: 1, version: 2, published: 3, count: 4, bytes: 5, ids: 6, references: 7 } as const;

/** Records of a type as runs, newest version each, some compartments after another; no text is read. */
export async function* readRunsOfType(pool: Pool, type: string, query: RunQuery): AsyncGenerator<readonly RecordRun[]> {
  const patientIds = [...new Set(query.patientIds)];
  if (patientIds.length === 0) return;
  yield* streamOnConnection(pool, async function* (client) {
    const asOf = query.asOf ?? (await latestInstant(client));
    let patients = PATIENTS_AT_FIRST;
    for (let at = 0; at < patientIds.length;) {
      const some = { ...query, asOf, patientIds: patientIds.slice(at, at + patients) };
      let records = 1;
      await client.query(`BEGIN; ${PLAN}`);
      for await (const { bytes, rows } of copiedRows(client, selection(type, some), BYTES_AT_ONCE)) {
        const runs = rows.map((row) => runOf(bytes, row));
        records += runs.reduce((sum, { count }) => sum + count, 0);
        yield runs;
      }
      await client.query('COMMIT');
      at += patients;
      patients = Math.ceil((some.patientIds.length * RECORDS_AT_ONCE) / records);
    }
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
  const [patients, versions, ids] = [
    array(runs.map(({ patientId }) => patientId)),
    array(runs.map(({ version }) => String(version))),
    array(runs.map((run) => run.ids)),
  ];
  const rows = rowsOfRun({ columns: 'r.*', type: escapeLiteral(type), among: 'compartment' });
  const select = `SELECT ${batchColumns(unmarked)}
    FROM unnest(${patients}::text[], ${versions}::bigint[], ${ids}::text[]) AS k(patient, version, ids)
    CROSS JOIN LATERAL ${rows} r JOIN publication p ON p.id = r.publication_id`;
  yield* streamOnConnection(pool, async function* (client) {
    await client.query(`BEGIN; ${PLAN}`);
    const batchOf = batchReader(type);
    for await (const copied of copiedRows(client, select, BYTES_AT_ONCE)) yield batchOf(copied);
    await client.query('COMMIT');
  });
}

/**
 * All versions of the compartments; of the few ids that stand in the table more than once it is asked which version is the
 * newest one. To ask that of each takes as long as all the rest.
 */
function selection(type: string, query: RunQuery & { readonly asOf: string }): string {
  const { patientIds, unmarked, recordsPerRun, asOf } = query;
  const [kind, before, end, instant] = [type, `${type}/`, endOfType(type), asOf].map(escapeLiteral);
  return `WITH v AS MATERIALIZED (
      SELECT m.n, m.id AS patient_id, r.*
      FROM unnest(ARRAY[${patientIds.map(escapeLiteral).join(',')}]::text[]) WITH ORDINALITY AS m(id, n)
      CROSS JOIN LATERAL (
        SELECT r.id, r.publication_id, octet_length(r.content) AS bytes, r.shared_references,
          CASE WHEN r.deleted OR r.evidence THEN ${HIDDEN} WHEN ${isOverSql('r.marks', unmarked)} THEN 1
            WHEN octet_length(r.content) <= ${RUN_RECORD_BYTES} AND (${isUnmarkedSql('r.marks', unmarked)}) THEN 0
            ELSE 2 END AS kind
        FROM resource r WHERE r.patient_id = m.id AND ${KEY} > ${before} AND ${KEY} < ${end} ORDER BY ${KEY}
      ) r
    ), twice AS MATERIALIZED (
      SELECT n.id FROM resource n WHERE n.type = ${kind} AND n.id = ANY (ARRAY(SELECT v.id FROM v))
      GROUP BY n.id HAVING count(*) > 1
    ), shown AS (
      SELECT v.*, (row_number() OVER () - 1) / ${recordsPerRun} AS run FROM v
      WHERE v.kind < ${HIDDEN} AND (v.id NOT IN (SELECT twice.id FROM twice) OR NOT EXISTS (
        SELECT 1 FROM resource n JOIN publication np ON np.id = n.publication_id
        WHERE n.type = ${kind} AND n.id = v.id AND n.publication_id <> v.publication_id AND np.published_at <= ${instant}
        AND np.published_at > (SELECT o.published_at FROM publication o WHERE o.id = v.publication_id)
      ))
    ), run AS (
      SELECT min(patient_id) AS patient_id, kind, publication_id, count(*) AS count, sum(bytes) AS bytes,
        CASE WHEN kind <> 1 THEN string_agg(id, ' ') END AS ids,
        CASE WHEN kind = 0 THEN string_agg(DISTINCT shared_references, ' ') END AS shared_references
      FROM shown GROUP BY n, kind, publication_id, run
    )
    SELECT run.patient_id, run.kind, run.publication_id, p.published_at, run.count, run.bytes::bigint, run.ids,
      run.shared_references
    FROM run JOIN publication p ON p.id = run.publication_id WHERE ${publicationConditions(LITERALS, query).join(' AND ')}`;
}

/** COPY takes no parameters: values stand in the statement. */
const LITERALS = { add: (value: unknown): string => escapeLiteral(String(value)) };

function runOf(bytes: Buffer, row: CopiedRow): RecordRun {
  const bigintAt = (column: number): bigint => bytes.readBigInt64BE(columnStart(bytes, row, column));
  const version = bigintAt(Column.version);
  const lastUpdated = instantOf(bytes, row, Column.published);
  const count = Number(bigintAt(Column.count));
  const stampSize = metaStamp({ versionId: String(version), lastUpdated }).length;
  return {
    kind: KINDS[bytes.readInt32BE(columnStart(bytes, row, Column.kind))] ?? 'rest',
    patientId: textOf(bytes, row, Column.patient) ?? '',
    ...{ version, lastUpdated, count },
    bytes: Number(bigintAt(Column.bytes)) + count * (stampSize + 1),
    ids: textOf(bytes, row, Column.ids) ?? '',
    sharedReferences: textOf(bytes, row, Column.references),
  };
}
