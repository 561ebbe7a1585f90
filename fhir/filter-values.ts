import { dateRange, rangeHolds, readDateValue } from './date-range.ts';
import type { FilterParameter } from './filter-parameters.ts';
import { isFhirId, parseReference } from './identifiers.ts';
import { searchableName } from './index-values.ts';
import type { Fields } from './member-match.ts';
import { isRecord } from './parameters.ts';

/** Whether a resource fulfils one search parameter (http://hl7.org/fhir/R4/search.html). */
export type Condition = (resource: Fields) => boolean;

export interface WrittenValue {
  readonly modifier: string | undefined;
  /** As decoded from the query: alternatives are separated by commas that no backslash stands before. */
  readonly value: string;
  readonly baseUrl: string;
}

type Test = (element: unknown) => boolean;

/** `modifier`: not one that is applied to the kind; `value`: not a value of it. */
export function conditionOf(parameter: FilterParameter, written: WrittenValue): Condition | 'modifier' | 'value' {
  const elements = (resource: Fields): readonly unknown[] =>
    parameter.paths.flatMap((path) => elementsAt(resource, path.split('.')));
  if (written.modifier === 'missing') {
    if (written.value !== 'true' && written.value !== 'false') return 'value';
    const isWanted = written.value === 'true';
    return (resource) => (elements(resource).length === 0) === isWanted;
  }
  const isNot = parameter.kind === 'token' && written.modifier === 'not';
  const tests = alternatives(written.value).map((value) => testOf(parameter, value, { ...written, isNot }));
  if (tests.includes('modifier')) return 'modifier';
  const all = tests.filter((test) => typeof test === 'function');
  if (all.length === 0 || all.length < tests.length) return 'value';
  return (resource) => elements(resource).some((element) => all.some((test) => test(element))) !== isNot;
}

interface Written extends WrittenValue {
  readonly isNot: boolean;
}

function testOf({ kind }: FilterParameter, value: string, written: Written): Test | 'modifier' | 'value' {
  const { modifier } = written;
  if (value === '') return 'value';
  if (kind === 'string') return stringTest(value, modifier);
  if (kind === 'reference') return referenceTest(value, written);
  if (modifier !== undefined && !written.isNot) return 'modifier';
  if (kind === 'token') return tokenTest(value);
  if (kind === 'uri') return (element) => element === unescaped(value);
  const wanted = readDateValue(value);
  if (wanted === undefined) return 'value';
  return (element) => {
    const range = dateRange(element);
    return range !== undefined && rangeHolds(range, wanted);
  };
}

/** `code`, `system|code`, `|code` (no system) or `system|`; of codes, Codings, CodeableConcepts, Identifiers and booleans. */
function tokenTest(value: string): Test | 'value' {
  const [, system, code] = /^(?:((?:[^\\|]|\\.)*)\|)?((?:[^\\|]|\\.)*)$/s.exec(value) ?? [];
  if (code === undefined) return 'value';
  const wanted = { system: system === undefined ? undefined : unescaped(system), code: unescaped(code) };
  const isWanted = (found: unknown, of: unknown): boolean =>
    (wanted.code === '' || found === wanted.code) &&
    (wanted.system === undefined || (typeof of === 'string' ? of : '') === wanted.system);
  return (element) => {
    if (typeof element === 'string' || typeof element === 'boolean') {
      // The system of a code is that of its value set, which is not written with it.
      return wanted.code === '' ? false : String(element) === wanted.code;
    }
    if (!isRecord(element)) return false;
    const codings: readonly unknown[] = Array.isArray(element['coding']) ? element['coding'] : [element];
    return codings.some((coding) => isRecord(coding) && isWanted(coding['code'] ?? coding['value'], coding['system']));
  };
}

function stringTest(value: string, modifier: string | undefined): Test | 'modifier' {
  const written = unescaped(value);
  const folded = searchableName(written);
  if (modifier === 'exact') return (element) => element === written;
  if (modifier === 'contains')
    return (element) => typeof element === 'string' && searchableName(element).includes(folded);
  if (modifier !== undefined) return 'modifier';
  return (element) => typeof element === 'string' && searchableName(element).startsWith(folded);
}

/** `id`, `Type/id` or a URL; the modifier may name the type, or say that an identifier is looked for. */
function referenceTest(value: string, { modifier, baseUrl }: WrittenValue): Test | 'modifier' | 'value' {
  if (modifier === 'identifier') {
    const test = tokenTest(value);
    if (test === 'value') return test;
    return (element) => isRecord(element) && test(element['identifier']);
  }
  if (modifier !== undefined && !/^[A-Z]/.test(modifier)) return 'modifier';
  const written = unescaped(value);
  const parsed = parseReference(written, baseUrl);
  if (parsed.kind !== 'literal' && !isFhirId(written)) {
    return (element) => isRecord(element) && element['reference'] === written;
  }
  const wanted = parsed.kind === 'literal' ? parsed : { id: written, type: modifier };
  return (element) => {
    const text = isRecord(element) ? element['reference'] : undefined;
    const found = typeof text === 'string' ? parseReference(text, baseUrl) : undefined;
    if (found?.kind !== 'literal' || found.id !== wanted.id) return false;
    return wanted.type === undefined || found.type === wanted.type;
  };
}

/** Several values of one parameter, separated by commas that no backslash stands before: any of them. */
export function alternatives(value: string): readonly string[] {
  return value.match(/(?:[^\\,]|\\.)+/gs) ?? [];
}

/** http://hl7.org/fhir/R4/search.html#escaping */
export function unescaped(value: string): string {
  return value.replace(/\\([\\|,$])/g, '$1');
}

/** The values at a path, lists taken apart; none where there is nothing. */
export function elementsAt(value: unknown, path: readonly string[]): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap((each) => elementsAt(each, path));
  const [key, ...rest] = path;
  if (key === undefined) return value === undefined ? [] : [value];
  return isRecord(value) && value[key] !== undefined ? elementsAt(value[key], rest) : [];
}
