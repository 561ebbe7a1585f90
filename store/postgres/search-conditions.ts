import { indexable, searchableName } from '../../fhir/index-values.ts';
import type { IdentifierQuery, NameQuery, SearchQuery } from '../search-query.ts';
import { endOfType, isNewest, KEY } from './rows.ts';
import type { Parameters } from './transaction.ts';

/** What a search asks for, without how much of it and in which pages. */
export type SearchConditions = Omit<SearchQuery, 'count' | 'after' | 'asOf' | 'where'>;

const COMPARISONS = { ge: '>=', gt: '>', le: '<=', lt: '<', eq: '=' } as const;
/** Parts of what a thing is called; the others are looked up by name only. */
const NAME_PARTS = `('family', 'given', 'other')`;

/** Conditions on `resource r` and its `publication p` for the visible state as of an instant. */
export function searchConditions(parameters: Parameters, query: SearchConditions, instant: string): string[] {
  const type = parameters.add(query.type);
  const asOf = `${parameters.add(instant)}::timestamptz`;
  const conditions = [`r.type = ${type}`, `p.published_at <= ${asOf}`, 'NOT r.deleted', isNewest(asOf)];
  if (query.patientIds !== undefined) {
    conditions.push(
      `r.patient_id = ANY(${parameters.add(query.patientIds)}::text[])`,
      `${KEY} < ${parameters.add(endOfType(query.type))}`,
    );
  }
  if (query.includeEvidence !== true) conditions.push('NOT r.evidence');
  if (query.origin === 'native') conditions.push('p.exchange_id IS NULL');
  if (query.origin === 'imported') conditions.push('p.exchange_id IS NOT NULL');
  if (query.ids !== undefined) conditions.push(`r.id = ANY(${parameters.add(query.ids)}::text[])`);
  if (query.identifiers !== undefined) conditions.push(hasIdentifier(parameters, type, query.identifiers));
  for (const name of query.names ?? []) conditions.push(hasName(parameters, type, name));
  for (const { op, instant: bound } of query.lastUpdated ?? []) {
    conditions.push(`p.published_at ${COMPARISONS[op]} ${parameters.add(bound)}::timestamptz`);
  }
  return conditions;
}

/** Behind this id, in the order of `searchOrder`. */
export function behind(parameters: Parameters, { type, patientIds }: SearchConditions, id: string): string {
  return patientIds === undefined ? `r.id > ${parameters.add(id)}` : `${KEY} > ${parameters.add(`${type}/${id}`)}`;
}

/**
 * By id. Where something narrower than the type is asked for, the order is not that of an index of the type: a plan that
 * walks through all of it, in hope of soon having a page full, would be worse than any other.
 */
export function searchOrder({ patientIds, identifiers, names, ids }: SearchConditions): string {
  if (patientIds !== undefined) return KEY;
  return (identifiers ?? names ?? ids) ? `r.id || ''` : 'r.id';
}

export function hasIdentifier(parameters: Parameters, type: string, wanted: readonly IdentifierQuery[]): string {
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
  const inPart = part === undefined ? `n.part IN ${NAME_PARTS}` : `n.part = ${parameters.add(part)}`;
  return `(r.id, r.publication_id) IN (
    SELECT n.id, n.publication_id FROM resource_name n WHERE n.type = ${type} AND ${inPart} AND (${any.join(' OR ') || 'false'}))`;
}
