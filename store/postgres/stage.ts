import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { indexValuesOf, LOOKED_UP_TYPES } from '../../fhir/index-values.ts';

/** One version on its way into `resource`. */
export interface StagedRow {
  readonly type: string;
  readonly id: string;
  readonly patientId: string | undefined;
  readonly evidence: boolean;
  readonly generated: boolean;
  readonly deleted: boolean;
  /** SHA-256 of the text (hex). */
  readonly contentHash: string;
  readonly content: string;
}

type CopyValue = string | boolean | undefined;

const COPY_CHUNK = 256 * 1024;
const SPECIAL = /[\\\n\r\t]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Writes the versions and what is indexed of them; they show once the publication has its instant. */
export async function stageRows(client: PoolClient, publicationId: string, rows: readonly StagedRow[]): Promise<void> {
  if (rows.length === 0) return;
  const resources =
    'resource (type, id, publication_id, patient_id, evidence, generated, deleted, content_hash, content)';
  await copyRows(
    client,
    resources,
    map(rows, (row) => resourceLine(publicationId, row)),
  );
  const identifiers: CopyValue[][] = [];
  const names: CopyValue[][] = [];
  const links: CopyValue[][] = [];
  for (const { type, id, deleted, content } of rows) {
    if (deleted || !LOOKED_UP_TYPES.has(type)) continue;
    const values = indexValuesOf(JSON.parse(content) as Readonly<Record<string, unknown>>);
    const key = [type, id, publicationId];
    for (const { system, value } of values.identifiers) identifiers.push([...key, system, value]);
    for (const { part, name } of values.names) names.push([...key, part, name]);
    for (const linked of values.linkedPatients) links.push([id, publicationId, linked]);
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
  await client.query(`DELETE FROM resource WHERE publication_id = $1 AND ${among}`, columns);
  await client.query(`DELETE FROM resource_identifier WHERE publication_id = $1 AND ${among}`, columns);
  await client.query(`DELETE FROM resource_name WHERE publication_id = $1 AND ${among}`, columns);
  await client.query(
    `DELETE FROM patient_link WHERE publication_id = $1
     AND ('Patient', patient_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))`,
    columns,
  );
}

/** COPY into a table; nothing is sent for no rows. */
export async function copyRows(
  client: PoolClient,
  target: string,
  rows: Iterable<readonly CopyValue[]>,
): Promise<void> {
  const source = chunks(rows);
  const first = source.next();
  if (first.done === true) return;
  const stream = client.query(copyFrom(`COPY ${target} FROM STDIN`));
  await pipeline(Readable.from(startingWith(first.value, source), { objectMode: false }), stream);
}

function* startingWith(first: Buffer, rest: Iterable<Buffer>): Generator<Buffer> {
  yield first;
  yield* rest;
}

function* chunks(rows: Iterable<readonly CopyValue[]>): Generator<Buffer, undefined> {
  let lines: string[] = [];
  let size = 0;
  for (const row of rows) {
    const line = `${row.map(copyValue).join('\t')}\n`;
    lines.push(line);
    size += line.length;
    if (size < COPY_CHUNK) continue;
    yield Buffer.from(lines.join(''), 'utf8');
    lines = [];
    size = 0;
  }
  if (lines.length > 0) yield Buffer.from(lines.join(''), 'utf8');
  return undefined;
}

/** The text format of COPY (https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2). */
function copyValue(value: CopyValue): string {
  if (value === undefined) return '\\N';
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return value.replace(SPECIAL, (character) => ESCAPES[character] ?? character);
}

function resourceLine(publicationId: string, row: StagedRow): CopyValue[] {
  return [
    row.type,
    row.id,
    publicationId,
    row.patientId,
    row.evidence,
    row.generated,
    row.deleted,
    `\\x${row.contentHash}`,
    row.content,
  ];
}

function* map<A, B>(items: Iterable<A>, change: (item: A) => B): Generator<B> {
  for (const item of items) yield change(item);
}
