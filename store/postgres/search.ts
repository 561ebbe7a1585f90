import type { Pool } from 'pg';
import { ExchangeError } from '../../fhir/errors.ts';
import { indexable, indexValuesOf, LOOKED_UP_TYPES } from '../../fhir/index-values.ts';
import type { ResourceKey, StoredResource, TypedIdentifier } from '../fhir-store.ts';
import type { IdentifierQuery, SearchPage, SearchQuery, SearchScope } from '../search-query.ts';
import { isNewest, latestInstant, VERSION_COLUMNS } from './rows.ts';
import { behind, hasIdentifier, searchConditions, searchOrder } from './search-conditions.ts';
import { SIZE_COLUMN, withTexts } from './stream.ts';
import type { SizedRow } from './stream.ts';
import { Parameters } from './transaction.ts';
import type { Queryable } from './transaction.ts';

/** Where a page ends: the instant as of which all its pages are read, and the last id. */
interface Cursor {
  readonly asOf: string;
  readonly id: string;
}

type Holds = (resource: StoredResource) => boolean;

/** So many records of a type are looked into where nothing narrows the search but what is written in them. */
const MOST_LOOKED_INTO = 20_000;
const ROWS_AT_ONCE = 500;

/**
 * One page, ordered by id.
 *
 * @throws ExchangeError `too-costly` where more would have to be looked into than can be
 */
export async function searchResources(pool: Pool, query: SearchQuery): Promise<SearchPage> {
  const cursor =
    query.after === undefined ? { asOf: query.asOf ?? (await latestInstant(pool)), id: '' } : readCursor(query.after);
  const [narrowed, holds] = split(query);
  const page =
    holds === undefined ? await indexedPage(pool, narrowed, cursor) : await filteredPage(pool, narrowed, cursor, holds);
  const resources: StoredResource[] = [];
  for await (const resource of withTexts(pool, page.rows)) resources.push(resource);
  const next = page.last === undefined ? undefined : printCursor({ asOf: cursor.asOf, id: page.last });
  return { resources, next, asOf: cursor.asOf };
}

/** How many a search would find. @throws ExchangeError `too-costly` as `searchResources` */
export async function countResources(pool: Pool, scope: SearchScope): Promise<number> {
  const asOf = scope.asOf ?? (await latestInstant(pool));
  const [narrowed, holds] = split({ ...scope, count: ROWS_AT_ONCE });
  if (holds === undefined) {
    const parameters = new Parameters();
    const { rows } = await pool.query<{ total: string }>(
      `SELECT count(*) AS total FROM resource r JOIN publication p ON p.id = r.publication_id
       WHERE ${searchConditions(parameters, narrowed, asOf).join(' AND ')}`,
      parameters.values,
    );
    return Number(rows[0]?.total ?? 0);
  }
  let total = 0;
  let cursor: Cursor | undefined = { asOf, id: '' };
  while (cursor !== undefined) {
    const page: Page = await filteredPage(pool, narrowed, cursor, holds);
    total += page.rows.length;
    cursor = page.last === undefined ? undefined : { asOf, id: page.last };
  }
  return total;
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

/** Two are as good as many: there is none then. */
export async function findEachByIdentifier(
  client: Queryable,
  wanted: readonly TypedIdentifier[],
): Promise<readonly (ResourceKey | undefined)[]> {
  const { rows } = await client.query<{ position: number; id: string }>(
    `SELECT w.position::int, min(f.id) AS id
     FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w(type, system, value, position)
     CROSS JOIN LATERAL (
       SELECT DISTINCT r.id FROM resource_identifier i
       JOIN resource r ON r.type = i.type AND r.id = i.id AND r.publication_id = i.publication_id
       JOIN publication p ON p.id = r.publication_id
       WHERE i.type = w.type AND i.value = w.value AND i.system = w.system
       AND p.published_at IS NOT NULL AND NOT r.deleted AND ${isNewest()} LIMIT 2
     ) f GROUP BY w.position HAVING count(*) = 1`,
    [
      wanted.map(({ type }) => type),
      wanted.map(({ system }) => indexable(system)),
      wanted.map(({ value }) => indexable(value)),
    ],
  );
  const ids = new Map(rows.map(({ position, id }) => [position, id]));
  return wanted.map(({ type }, index) => {
    const id = ids.get(index + 1);
    return id === undefined ? undefined : { type, id };
  });
}

interface Page {
  readonly rows: readonly SizedRow[];
  /** The id behind which the next page begins, where there is one. */
  readonly last: string | undefined;
}

/** What the indexes answer, and what each record has to be asked. */
function split(query: SearchQuery): readonly [SearchQuery, Holds | undefined] {
  const { where, ...rest } = query;
  const tests: Holds[] = [];
  if (where !== undefined) tests.push((resource) => where(fieldsOf(resource)));
  if (query.identifiers === undefined || LOOKED_UP_TYPES.has(query.type)) return [rest, tests[0]];
  const { identifiers, ...others } = rest;
  if (query.patientIds === undefined && query.ids === undefined) throw new ExchangeError('too-costly');
  tests.push((resource) => carries(resource, identifiers ?? []));
  return [others, (resource) => tests.every((test) => test(resource))];
}

async function indexedPage(pool: Pool, query: SearchQuery, cursor: Cursor): Promise<Page> {
  const found = await rowsAfter(pool, query, cursor, query.count + 1);
  const rows = found.slice(0, query.count);
  return { rows, last: found.length > query.count ? (rows.at(-1)?.id ?? cursor.id) : undefined };
}

/** What no index tells is looked for in the texts: of a compartment, or of a type of which there are not too many. */
async function filteredPage(pool: Pool, query: SearchQuery, cursor: Cursor, holds: Holds): Promise<Page> {
  const isNarrow = (query.patientIds ?? query.ids ?? query.identifiers ?? query.names) !== undefined;
  const rows: SizedRow[] = [];
  let id = cursor.id;
  for (let lookedInto = 0; ; lookedInto += ROWS_AT_ONCE) {
    if (!isNarrow && lookedInto >= MOST_LOOKED_INTO) throw new ExchangeError('too-costly');
    const candidates = await rowsAfter(pool, query, { asOf: cursor.asOf, id }, ROWS_AT_ONCE);
    const byId = new Map(candidates.map((row) => [row.id, row]));
    for await (const resource of withTexts(pool, candidates)) {
      const row = byId.get(resource.id);
      if (row === undefined || !holds(resource)) continue;
      if (rows.length === query.count) return { rows, last: rows.at(-1)?.id ?? cursor.id };
      rows.push(row);
    }
    const last = candidates.at(-1);
    if (last === undefined || candidates.length < ROWS_AT_ONCE) return { rows, last: undefined };
    id = last.id;
  }
}

function carries(resource: StoredResource, wanted: readonly IdentifierQuery[]): boolean {
  // Read as one of the types that are indexed: the element is the same for all of them.
  const { identifiers } = indexValuesOf({ resourceType: 'Group', identifier: fieldsOf(resource)['identifier'] });
  return identifiers.some((found) =>
    wanted.some(
      ({ system, value }) =>
        found.value === indexable(value) && (system === undefined || found.system === indexable(system)),
    ),
  );
}

async function rowsAfter(pool: Pool, query: SearchQuery, cursor: Cursor, limit: number): Promise<readonly SizedRow[]> {
  const parameters = new Parameters();
  const conditions = [...searchConditions(parameters, query, cursor.asOf), behind(parameters, query, cursor.id)];
  const { rows } = await pool.query<SizedRow>(
    `SELECT ${VERSION_COLUMNS}, ${SIZE_COLUMN} FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE ${conditions.join(' AND ')} ORDER BY ${searchOrder(query)} LIMIT ${limit}`,
    parameters.values,
  );
  return rows;
}

function fieldsOf({ text }: StoredResource): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
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
