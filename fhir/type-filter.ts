import { ExchangeError } from './errors.ts';
import { filterParameter, filterParameterNames } from './filter-parameters.ts';
import { conditionOf } from './filter-values.ts';
import type { Condition } from './filter-values.ts';
import type { Fields } from './member-match.ts';
import { isResourceType } from './resource-types.ts';

/** One `_typeFilter`: all of its conditions must hold; of several filters of one type one is enough. */
type TypeFilter = readonly Condition[];

export type TypeFilters = ReadonlyMap<string, readonly TypeFilter[]>;

/**
 * Several queries in one value, as Bulk Data 2.0 allows: a comma separates where the name of a type and a question mark
 * follow; any other comma belongs to its query.
 */
export function splitTypeFilters(value: string): readonly string[] {
  return value.split(/,(?=[A-Z][A-Za-z]{1,63}\?)/);
}

/**
 * @throws ExchangeError `not-supported` naming a search parameter or modifier that is not applied: a filter is never
 *   passed over (PDex); `request-invalid` for what is no `Type?query`
 */
export function readTypeFilters(filters: readonly string[], baseUrl: string): TypeFilters {
  const byType = new Map<string, TypeFilter[]>();
  for (const filter of filters) {
    const [, type = '', query = ''] = /^([A-Z][A-Za-z]*)\?(.*)$/s.exec(filter) ?? [];
    if (!isResourceType(type))
      throw refused('request-invalid', 'A query of one resource type is expected: Type?query.');
    const conditions = [...new URLSearchParams(query)].map(([name, value]) =>
      readCondition(type, name, value, baseUrl),
    );
    if (conditions.length === 0) throw refused('request-invalid', 'The query has no search parameter.');
    byType.set(type, [...(byType.get(type) ?? []), conditions]);
  }
  return byType;
}

/** True for a resource that one of the filters of its type lets through, and for a type without any. */
export function passesFilters(filters: TypeFilters, resource: Fields): boolean {
  const own = filters.get(String(resource['resourceType']));
  return own === undefined || own.some((conditions) => conditions.every((holds) => holds(resource)));
}

function readCondition(type: string, written: string, value: string, baseUrl: string): Condition {
  const [name = '', modifier] = written.split(':', 2);
  const parameter = filterParameter(type, name);
  if (parameter === undefined) {
    const names = filterParameterNames(type).join(', ');
    throw refused('not-supported', `The search parameter ${shown(name)} of ${type} is not applied. Applied: ${names}.`);
  }
  const condition = conditionOf(parameter, { modifier, value, baseUrl });
  if (condition === 'modifier') {
    throw refused('not-supported', `The modifier ${shown(modifier ?? '')} of ${name} is not applied.`);
  }
  if (condition === 'value') throw refused('request-invalid', `The value of ${name} is no ${parameter.kind}.`);
  return condition;
}

/** A name of the request, never a value. */
const shown = (name: string): string => name.replace(/[^\w.-]/g, '').slice(0, 40);

function refused(code: 'not-supported' | 'request-invalid', diagnostics: string): ExchangeError {
  return new ExchangeError(code, { expression: `Parameters.parameter.where(name = '_typeFilter')`, diagnostics });
}
