import type { Pool } from 'pg';
import { ExchangeError } from '../../fhir/errors.ts';
import { indexable, indexValuesOf, LOOKED_UP_TYPES, searchableName } from '../../fhir/index-values.ts';
import type {
  IdentifierQuery,
  NameQuery,
  ResourceKey,
  SearchPage,
  SearchQuery,
  StoredResource,
} from '../fhir-store.ts';
import { endOfType, isNewest, KEY, latestInstant, VERSION_COLUMNS } from './rows.ts';
import { SIZE_COLUMN, withTexts } from './stream.ts';
import type { SizedRow } from './stream.ts';
import { Parameters } from './transaction.ts';
import type { Queryable } from './transaction.ts';

/** Where a page ends: the instant as of which all its pages are read, and the last id. */
interface Cursor {
  readonly asOf: string;
  readonly id: string;
}

const COMPARISONS = { ge: '>=', gt: '>', le: '<=', lt: '<', eq: '=' } as const;

/**
 * One page, ordered by id.
 *
 * @throws ExchangeError `too-costly` for identifiers of a type that is not indexed by them, without patients
 */
export async function searchResources(pool: Pool, query: SearchQuery): Promise<SearchPage> {
  const cursor = query.after === undefined ? { asOf: await latestInstant(pool), id: '' } : readCursor(query.after);
  const { rows, last } = isIndexed(query)
    ? await indexedPage(pool, query, cursor)
    : await filteredPage(pool, query, cursor);
  const resources: StoredResource[] = [];
  for await (const resource of withTexts(pool, rows)) resources.push(resource);
  return { resources, next: last === undefined ? undefined : printCursor({ asOf: cursor.asOf, id: last }) };
}

export async function findByIdentifier(
  client: Queryable,
  type: string,
  identifier: IdentifierQuery,
): Promise<readonly ResourceKey[]> {
  const parameters = new Parameters();
  const { rows } = await client.query<ResourceKey>(
    `SELECT r.type, r.id FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE r.type = ${parameters.add(type)} AND p.published_at IS NOT NULL AND NOT r.deleted AND ${isNewest()}
     AND ${hasIdentifier(parameters, '$1', [identifier])} ORDER BY r.id`,
    parameters.values,
  );
  return rows;
}

interface Page {
  readonly rows: readonly SizedRow[];
  /** The id behind which the next page begins, where there is one. */
  readonly last: string | undefined;
}

function isIndexed(query: SearchQuery): boolean {
  if (query.identifiers === undefined || LOOKED_UP_TYPES.has(query.type)) return true;
  if (query.patientIds === undefined && query.ids === undefined) throw new ExchangeError('too-costly');
  return false;
}

async function indexedPage(pool: Pool, query: SearchQuery, cursor: Cursor): Promise<Page> {
  const found = await rowsAfter(pool, query, cursor, query.count + 1);
  const rows = found.slice(0, query.count);
  return { rows, last: found.length > query.count ? (rows.at(-1)?.id ?? cursor.id) : undefined };
}

/** Identifiers of other types are looked for in the texts of a compartment. */
async function filteredPage(pool: Pool, query: SearchQuery, cursor: Cursor): Promise<Page> {
  const { identifiers = [], ...rest } = query;
  const size = 500;
  const rows: SizedRow[] = [];
  let id = cursor.id;
  for (;;) {
    const candidates = await rowsAfter(pool, rest, { asOf: cursor.asOf, id }, size);
    const byId = new Map(candidates.map((row) => [row.id, row]));
    for await (const resource of withTexts(pool, candidates)) {
      const row = byId.get(resource.id);
      if (row === undefined || !carries(resource, identifiers)) continue;
      if (rows.length === query.count) return { rows, last: rows.at(-1)?.id ?? cursor.id };
      rows.push(row);
    }
    const last = candidates.at(-1);
    if (last === undefined || candidates.length < size) return { rows, last: undefined };
    id = last.id;
  }
}

function carries(resource: StoredResource, wanted: readonly IdentifierQuery[]): boolean {
  const fields = JSON.parse(resource.text) as Readonly<Record<string, unknown>>;
  // Read as one of the types that are indexed: the element is the same for all of them.
  const { identifiers } = indexValuesOf({ resourceType: 'Group', identifier: fields['identifier'] });
  return identifiers.some((found) =>
    wanted.some(
      ({ system, value }) =>
        found.value === indexable(value) && (system === undefined || found.system === indexable(system)),
    ),
  );
}

async function rowsAfter(pool: Pool, query: SearchQuery, cursor: Cursor, limit: number): Promise<readonly SizedRow[]> {
  const parameters = new Parameters();
  const type = parameters.add(query.type);
  const asOf = `${parameters.add(cursor.asOf)}::timestamptz`;
  const conditions = [
    `r.type = ${type}`,
    ...(query.patientIds === undefined
      ? [`r.id > ${parameters.add(cursor.id)}`]
      : inCompartments(parameters, query.type, query.patientIds, cursor)),
    `p.published_at <= ${asOf}`,
    'NOT r.deleted',
    isNewest(asOf),
  ];
  if (query.includeEvidence !== true) conditions.push('NOT r.evidence');
  if (query.ids !== undefined) conditions.push(`r.id = ANY(${parameters.add(query.ids)}::text[])`);
  if (query.identifiers !== undefined) conditions.push(hasIdentifier(parameters, type, query.identifiers));
  for (const name of query.names ?? []) conditions.push(hasName(parameters, type, name));
  for (const { op, instant } of query.lastUpdated ?? []) {
    conditions.push(`p.published_at ${COMPARISONS[op]} ${parameters.add(instant)}::timestamptz`);
  }
  const { rows } = await pool.query<SizedRow>(
    `SELECT ${VERSION_COLUMNS}, ${SIZE_COLUMN} FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE ${conditions.join(' AND ')} ORDER BY ${orderOf(query)} LIMIT ${limit}`,
    parameters.values,
  );
  return rows;
}

function inCompartments(parameters: Parameters, type: string, patientIds: readonly string[], cursor: Cursor): string[] {
  return [
    `r.patient_id = ANY(${parameters.add(patientIds)}::text[])`,
    `${KEY} > ${parameters.add(`${type}/${cursor.id}`)}`,
    `${KEY} < ${parameters.add(endOfType(type))}`,
  ];
}

/**
 * By id. Where something narrower than the type is asked for, the order is not that of an index of the type: a plan that
 * walks through all of it, in hope of soon having a page full, would be worse than any other.
 */
function orderOf({ patientIds, identifiers, names, ids }: SearchQuery): string {
  if (patientIds !== undefined) return KEY;
  return (identifiers ?? names ?? ids) ? `r.id || ''` : 'r.id';
}

function hasIdentifier(parameters: Parameters, type: string, wanted: readonly IdentifierQuery[]): string {
  const any = wanted.map(({ system, value }) => {
    const isValue = `i.value = ${parameters.add(indexable(value))}`;
    return system === undefined ? isValue : `(${isValue} AND i.system = ${parameters.add(indexable(system))})`;
  });
  const condition = any.length === 0 ? 'false' : any.join(' OR ');
  return `(r.id, r.publication_id) IN (
    SELECT i.id, i.publication_id FROM resource_identifier i WHERE i.type = ${type} AND (${condition}))`;
}

/** A range of the index: everything that begins with the prefix lies before the prefix and the greatest character. */
function hasName(parameters: Parameters, type: string, { part, anyOf }: NameQuery): string {
  const any = anyOf.map((prefix) => {
    const from = searchableName(prefix);
    return `(n.name >= ${parameters.add(from)} AND n.name < ${parameters.add(`${from}\u{10FFFF}`)})`;
  });
  const inPart = part === undefined ? '' : `n.part = ${parameters.add(part)} AND `;
  return `(r.id, r.publication_id) IN (
    SELECT n.id, n.publication_id FROM resource_name n WHERE n.type = ${type} AND ${inPart}(${any.join(' OR ') || 'false'}))`;
}

function printCursor(cursor: Cursor): string {
  return Buffer.from(`${cursor.asOf}/${cursor.id}`, 'utf8').toString('base64url');
}

function readCursor(text: string): Cursor {
  const [, asOf, id] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\/([A-Za-z0-9\-.]{0,64})$/.exec(
      Buffer.from(text, 'base64url').toString('utf8'),
    ) ?? [];
  if (asOf === undefined || id === undefined) {
    throw new ExchangeError('request-invalid', { diagnostics: 'The link to this page is not one of ours.' });
  }
  return { asOf, id };
}
