import type { Pool } from 'pg';
import { keyOf } from '../fhir-store.ts';
import type { CompartmentQuery, ResourceKey, StoredResource } from '../fhir-store.ts';
import { RECORD_BYTES } from '../record-page.ts';
import { endOfType, isNewest, KEY, latestInstant, VERSION_COLUMNS } from './rows.ts';
import { SIZE_COLUMN, withTexts } from './stream.ts';
import type { SizedRow } from './stream.ts';
import { Parameters, readOrderedPage } from './transaction.ts';

const ROWS_AT_ONCE = 500;

/**
 * Pages by key over the state as of one instant. That state never changes, so no transaction stays open and no
 * connection is held while the reader takes its time.
 */
export async function* readCompartment(pool: Pool, query: CompartmentQuery): AsyncGenerator<StoredResource> {
  const asOf = query.asOf ?? (await latestInstant(pool));
  // Each type by itself: its rows lie together in the index, and the types between them are not read.
  const types = query.types === undefined ? [undefined] : [...new Set(query.types)].sort();
  const { after } = query;
  for (const type of types) {
    if (after !== undefined && type !== undefined && type < after.type) continue;
    // What lies behind the last record of a page may be of another type than that.
    let last: ResourceKey | undefined = type === undefined || type === after?.type ? after : undefined;
    do {
      const rows: readonly SizedRow[] = await readPage(pool, { ...query, asOf }, type, last);
      yield* withTexts(pool, rows);
      last = rows.length < ROWS_AT_ONCE ? undefined : rows.at(-1);
    } while (last !== undefined);
  }
}

/** By pages, or of everybody's by the index: older and staged versions count as well. */
export async function presentTypes(
  pool: Pool,
  types: readonly string[],
  patientIds: readonly string[] | undefined,
): Promise<ReadonlyMap<string, number>> {
  const rows = await readOrderedPage<{ type: string; records: number }>(
    pool,
    patientIds === undefined ? OF_EVERYBODY : OF_COMPARTMENTS,
    patientIds === undefined ? [types, MOST_COUNTED] : [types, patientIds],
  );
  return new Map(rows.map(({ type, records }) => [type, records]));
}

/** Of everybody's records so many of a type. */
const MOST_COUNTED = 50_000;

const OF_EVERYBODY = `SELECT t.type, v.records FROM unnest($1::text[]) AS t(type) CROSS JOIN LATERAL (
    SELECT count(*)::int AS records FROM (SELECT 1 FROM resource r WHERE r.type = t.type LIMIT $2) f
  ) v WHERE v.records > 0`;

const OF_COMPARTMENTS = `SELECT g.type, (sum(octet_length(g.records)) / ${RECORD_BYTES})::int AS records
  FROM record_page g WHERE g.patient_id = ANY ($2::text[]) AND g.type = ANY ($1::text[]) GROUP BY g.type`;

/** Of the versions as of one instant those that the query asks for. */
export function versionConditions(
  parameters: Pick<Parameters, 'add'>,
  query: Omit<CompartmentQuery, 'patientIds' | 'types'> & { readonly asOf: string },
): string[] {
  const conditions = [
    ...publicationConditions(parameters, query),
    isNewest(`${parameters.add(query.asOf)}::timestamptz`),
  ];
  if (query.includeDeleted === 'only') conditions.push('r.deleted');
  else if (query.includeDeleted !== true) conditions.push('NOT r.deleted');
  if (query.includeEvidence !== true) conditions.push('NOT r.evidence');
  return conditions;
}

/** Of the publications `p` as of one instant those whose versions the query asks for. */
export function publicationConditions(
  parameters: Pick<Parameters, 'add'>,
  { asOf, since, origin }: Pick<CompartmentQuery, 'since' | 'origin'> & { readonly asOf: string },
): string[] {
  const conditions = [`p.published_at <= ${parameters.add(asOf)}::timestamptz`];
  if (since !== undefined) conditions.push(`p.published_at > ${parameters.add(since)}::timestamptz`);
  if (origin === 'native') conditions.push('p.exchange_id IS NULL');
  if (origin === 'imported') conditions.push('p.exchange_id IS NOT NULL');
  return conditions;
}

async function readPage(
  pool: Pool,
  query: CompartmentQuery & { readonly asOf: string },
  type: string | undefined,
  last: ResourceKey | undefined,
): Promise<readonly SizedRow[]> {
  const parameters = new Parameters();
  const patients = parameters.add([...new Set(query.patientIds)]);
  const conditions = versionConditions(parameters, query);
  if (last !== undefined) conditions.push(`${KEY} > ${parameters.add(keyOf(last))}`);
  else if (type !== undefined) conditions.push(`${KEY} > ${parameters.add(`${type}/`)}`);
  if (type !== undefined) conditions.push(`${KEY} < ${parameters.add(endOfType(type))}`);
  // One ordered page per Patient, then the first of all: a member's linked compartments are not sorted as a whole.
  return readOrderedPage<SizedRow>(
    pool,
    `SELECT v.* FROM unnest(${patients}::text[]) AS m(id) CROSS JOIN LATERAL (
       SELECT ${VERSION_COLUMNS}, ${SIZE_COLUMN} FROM resource r JOIN publication p ON p.id = r.publication_id
       WHERE r.patient_id = m.id AND ${conditions.join(' AND ')}
       ORDER BY ${KEY} LIMIT ${ROWS_AT_ONCE}
     ) v ORDER BY v.type, v.id LIMIT ${ROWS_AT_ONCE}`,
    parameters.values,
  );
}
