import { dateRange } from '../../fhir/date-range.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { filterParameter } from '../../fhir/filter-parameters.ts';
import { elementsAt } from '../../fhir/filter-values.ts';
import { searchableName } from '../../fhir/index-values.ts';
import type { Fields } from '../../fhir/member-match.ts';
import type { ResourceKey, StoredResource } from '../../store/fhir-store.ts';
import type { RestContext } from './interaction.ts';
import type { SortKey } from './result-parameters.ts';
import { allVisible } from './search-pages.ts';
import type { VisiblePage } from './search-pages.ts';
import type { SearchPlan } from './search-plan.ts';
import { showVersions } from './show-versions.ts';

/** So many matches are put in order; more have to be narrowed first. */
const MOST_SORTED = 10_000;

export interface SortRequest {
  readonly sort: readonly SortKey[];
  readonly count: number;
  readonly page: string | undefined;
}

/** Where a page begins: matches as of one instant are in one order, and stay in it. */
interface SortCursor {
  readonly asOf: string | undefined;
  readonly offset: number;
}

interface Sorted {
  readonly key: ResourceKey;
  readonly values: readonly (number | string | undefined)[];
}

/** @throws ExchangeError `too-costly` for more matches than can be put in order */
export async function sortedPage(
  context: RestContext,
  plan: SearchPlan,
  { sort, count, page }: SortRequest,
): Promise<VisiblePage> {
  const cursor: SortCursor = page === undefined ? { asOf: undefined, offset: 0 } : readCursor(page);
  const asOf = cursor.asOf ?? (await context.store.search({ ...plan.scope, count: 1 })).asOf;
  const found: Sorted[] = [];
  for await (const resource of allVisible(context, { ...plan, scope: { ...plan.scope, asOf } })) {
    if (found.length === MOST_SORTED) throw new ExchangeError('too-costly');
    found.push({ key: { type: resource.type, id: resource.id }, values: valuesOf(resource, sort) });
  }
  found.sort(comparison(sort));
  const keys = found.slice(cursor.offset, cursor.offset + count).map(({ key }) => key);
  const versions: StoredResource[] = [];
  for await (const version of context.store.readMany(keys, { asOf })) versions.push(version);
  const isCurrent = page === undefined;
  const end = cursor.offset + count;
  return {
    ...{ resources: await showVersions(context, versions, { isCurrent }), asOf },
    next: end < found.length ? printCursor({ asOf, offset: end }) : undefined,
  };
}

function valuesOf({ type, id, lastUpdated, text }: StoredResource, sort: readonly SortKey[]): Sorted['values'] {
  const fields = JSON.parse(text) as Fields;
  return sort.map(({ parameter, descending }) => {
    if (parameter === '_id') return id;
    if (parameter === '_lastUpdated') return lastUpdated;
    return valueOf(fields, type, parameter, descending);
  });
}

/** Of several values the one that comes first in the order. */
function valueOf(fields: Fields, type: string, name: string, descending: boolean): number | string | undefined {
  const parameter = filterParameter(type, name);
  const elements = (parameter?.paths ?? []).flatMap((path) => elementsAt(fields, path.split('.')));
  const values =
    parameter?.kind === 'date'
      ? elements.flatMap((element) => dateRange(element) ?? []).map(({ low, high }) => (descending ? high : low))
      : elements.flatMap((element) => (typeof element === 'string' ? [searchableName(element)] : []));
  const [first] = values.sort((one, other) => compare(one, other) * (descending ? -1 : 1));
  return first;
}

function comparison(sort: readonly SortKey[]) {
  return (one: Sorted, other: Sorted): number => {
    for (const [index, { descending }] of sort.entries()) {
      const [left, right] = [one.values[index], other.values[index]];
      // What has no value stands last, in either direction.
      if (left === undefined || right === undefined) {
        if (left !== right) return left === undefined ? 1 : -1;
        continue;
      }
      const order = compare(left, right);
      if (order !== 0) return descending ? -order : order;
    }
    return compare(one.key.id, other.key.id);
  };
}

function compare(one: number | string, other: number | string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function printCursor({ asOf, offset }: SortCursor): string {
  return Buffer.from(`${asOf}+${offset}`, 'utf8').toString('base64url');
}

function readCursor(text: string): SortCursor {
  const [, asOf, offset] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\+(\d{1,6})$/.exec(Buffer.from(text, 'base64url').toString('utf8')) ?? [];
  if (asOf === undefined) {
    throw new ExchangeError('request-invalid', { diagnostics: 'The link to this page is not one of ours.' });
  }
  return { asOf, offset: Number(offset) };
}
