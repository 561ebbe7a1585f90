import type { Pool } from 'pg';
import { escapeLiteral } from 'pg';
import type { BulkQuery, RecordBatch } from '../record-batch.ts';
import { batchColumns, batchReader } from './batch-record.ts';
import { versionConditions } from './compartment.ts';
import { copiedRows, streamOnConnection } from './copy-out.ts';
import { endOfType, KEY, latestInstant } from './rows.ts';

/** Small enough for a processor's cache. */
const BYTES_AT_ONCE = 64 * 1024;

/** By the indexes, compartment after compartment: statistics of what was written just now say nothing of them. */
const PLAN = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin']
  .map((way) => `SET LOCAL enable_${way} = off`)
  .join('; ');

/**
 * The same as a compartment read page by page, but by COPY on a connection of its own, and not in the order of ids across
 * compartments: for what reads very many records once.
 */
export async function* readRecordsOfType(pool: Pool, type: string, query: BulkQuery): AsyncGenerator<RecordBatch> {
  if (query.patientIds !== 'everybody' && query.patientIds.length === 0) return;
  yield* streamOnConnection(pool, async function* (client) {
    const asOf = query.asOf ?? (await latestInstant(client));
    await client.query(`BEGIN; ${PLAN}`);
    const batchOf = batchReader(type);
    const select = selection(type, { ...query, asOf });
    for await (const copied of copiedRows(client, select, BYTES_AT_ONCE)) yield batchOf(copied);
    await client.query('COMMIT');
  });
}

function selection(type: string, query: BulkQuery & { readonly asOf: string }): string {
  const { patientIds, unmarked, ...rest } = query;
  const columns = batchColumns(unmarked);
  const conditions = versionConditions(LITERALS, rest);
  const from = 'resource r JOIN publication p ON p.id = r.publication_id';
  if (patientIds === 'everybody') {
    return `SELECT ${columns} FROM ${from} WHERE ${[`r.type = ${LITERALS.add(type)}`, ...conditions].join(' AND ')}`;
  }
  const ids = [...new Set(patientIds)].map((id) => LITERALS.add(id)).join(',');
  const range = [`${KEY} > ${LITERALS.add(`${type}/`)}`, `${KEY} < ${LITERALS.add(endOfType(type))}`];
  return `SELECT v.* FROM unnest(ARRAY[${ids}]::text[]) AS m(id) CROSS JOIN LATERAL (
    SELECT ${columns} FROM ${from} WHERE r.patient_id = m.id AND ${[...range, ...conditions].join(' AND ')} ORDER BY ${KEY}
  ) v`;
}

/** COPY takes no parameters: values stand in the statement. */
const LITERALS = { add: (value: unknown): string => escapeLiteral(String(value)) };
