import { isAscii } from 'node:buffer';
import type { Pool, PoolClient } from 'pg';
import { escapeLiteral } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { withStoredMeta } from '../../fhir/stored-text.ts';
import type { FhirStore, StoredResource } from '../fhir-store.ts';
import { versionConditions } from './compartment.ts';
import { CopyRows } from './copy-rows.ts';
import type { Column } from './copy-rows.ts';
import { endOfType, KEY, latestInstant } from './rows.ts';

type Query = Parameters<FhirStore['recordsOfType']>[1];

/** Instants and versions as numbers of one length, so that they are read without the help of a driver's parser. */
const COLUMNS = `r.type, r.id, r.publication_id, (extract(epoch FROM p.published_at) * 1000)::bigint, p.exchange_id,
  r.patient_id, r.evidence, r.deleted, r.content`;

/**
 * The same as a compartment read page by page, but by COPY on a connection of its own, and not in the order of ids across
 * compartments: for what reads very many records once.
 */
export async function* readRecordsOfType(
  pool: Pool,
  type: string,
  query: Query,
): AsyncGenerator<readonly StoredResource[]> {
  if (query.patientIds !== 'everybody' && query.patientIds.length === 0) return;
  const client = await pool.connect();
  // The pool listens only while a connection is idle; the statement that runs fails by itself.
  const onLost = (): void => undefined;
  client.on('error', onLost);
  let isDone = false;
  try {
    const asOf = query.asOf ?? (await latestInstant(client));
    await client.query(`BEGIN; ${PLAN}`);
    yield* copied(client, selection(type, { ...query, asOf }));
    await client.query('COMMIT');
    client.off('error', onLost);
    isDone = true;
  } finally {
    // A COPY that was not read to its end leaves the connection in the middle of it.
    client.release(!isDone);
  }
}

/** By the indexes, compartment after compartment: statistics of what was written just now say nothing of them. */
const PLAN = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin']
  .map((way) => `SET LOCAL enable_${way} = off`)
  .join('; ');

const BYTES_AT_ONCE = 1024 * 1024;

async function* copied(client: PoolClient, select: string): AsyncGenerator<readonly StoredResource[]> {
  const stream = client.query(copyTo(`COPY (${select}) TO STDOUT (FORMAT binary)`));
  const rows = new CopyRows();
  const recordOf = recordReader();
  let chunks: Buffer[] = [];
  let bytes = 0;
  const batch = (): readonly StoredResource[] => {
    const read = rows.read(Buffer.concat(chunks)).map(recordOf);
    [chunks, bytes] = [[], 0];
    return read;
  };
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= BYTES_AT_ONCE) yield batch();
    }
    if (bytes > 0) yield batch();
  } finally {
    stream.destroy();
  }
}

/** `toStored` of a row, but that rows of one publication share the texts of its number and instant. */
function recordReader(): (columns: readonly Column[]) => StoredResource {
  let publication: bigint | undefined;
  let versionId = '';
  let lastUpdated = '';
  return ([type, id, version, published, exchange, patient, evidence, deleted, content]) => {
    const number = version?.readBigInt64BE();
    if (number !== publication) {
      publication = number;
      versionId = String(number);
      lastUpdated = new Date(Number(published?.readBigInt64BE())).toISOString();
    }
    const exchangeId = exchange && textOf(exchange);
    const isDeleted = isTrue(deleted);
    return {
      ...{ type: textOf(type), id: textOf(id), versionId, lastUpdated, exchangeId },
      patientId: patient && textOf(patient),
      text: isDeleted ? '' : withStoredMeta(textOf(content), { versionId, lastUpdated }),
      origin: exchangeId === undefined ? 'native' : 'imported',
      evidence: isTrue(evidence),
      deleted: isDeleted,
    };
  };
}

/** Most texts are ASCII, whose characters are their bytes. */
const textOf = (column: Column): string =>
  column === undefined ? '' : column.toString(isAscii(column) ? 'latin1' : 'utf8');

const isTrue = (column: Column): boolean => column?.[0] === 1;

function selection(type: string, query: Query & { readonly asOf: string }): string {
  const { patientIds, ...rest } = query;
  const conditions = versionConditions(LITERALS, rest);
  const from = 'resource r JOIN publication p ON p.id = r.publication_id';
  if (patientIds === 'everybody') {
    return `SELECT ${COLUMNS} FROM ${from} WHERE ${[`r.type = ${LITERALS.add(type)}`, ...conditions].join(' AND ')}`;
  }
  const ids = [...new Set(patientIds)].map((id) => LITERALS.add(id)).join(',');
  const range = [`${KEY} > ${LITERALS.add(`${type}/`)}`, `${KEY} < ${LITERALS.add(endOfType(type))}`];
  return `SELECT v.* FROM unnest(ARRAY[${ids}]::text[]) AS m(id) CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM ${from} WHERE r.patient_id = m.id AND ${[...range, ...conditions].join(' AND ')} ORDER BY ${KEY}
  ) v`;
}

/** COPY takes no parameters: values stand in the statement. */
const LITERALS = { add: (value: unknown): string => escapeLiteral(String(value)) };
