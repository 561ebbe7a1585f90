import { ExchangeError } from '../../fhir/errors.ts';
import { readElements } from '../../fhir/element-subset.ts';
import { filterParameter } from '../../fhir/filter-parameters.ts';
import { readInclusion } from '../../fhir/search-includes.ts';
import type { Inclusion } from '../../fhir/search-includes.ts';

/** How the matches of a search come, and what comes with them (http://hl7.org/fhir/R4/search.html#return). */
export interface ResultForm {
  readonly count: number;
  readonly page: string | undefined;
  readonly includes: readonly Inclusion[];
  readonly revIncludes: readonly Inclusion[];
  /** Empty: by id. */
  readonly sort: readonly SortKey[];
  /** How many there are, and nothing else. */
  readonly countOnly: boolean;
  readonly withTotal: boolean;
  /** Empty: all. */
  readonly elements: readonly string[];
}

export interface SortKey {
  readonly parameter: string;
  readonly descending: boolean;
}

export const PAGE_PARAMETER = '_page';
/** Names for the CapabilityStatement; `_include` and `_revinclude` stand there by what they know. */
export const RESULT_PARAMETERS = ['_count', '_sort', '_total', '_summary', '_elements'] as const;

export type FormDraft = { -readonly [K in keyof ResultForm]: ResultForm[K] };

const DEFAULT_COUNT = 50;
export const MAX_COUNT = 1000;

export const newForm = (): FormDraft => ({
  ...{ count: DEFAULT_COUNT, page: undefined, includes: [], revIncludes: [], sort: [] },
  ...{ countOnly: false, withTotal: false, elements: [] },
});

type Reader = (form: FormDraft, type: string, value: string, iterates: boolean) => boolean;

const include =
  (kind: '_include' | '_revinclude'): Reader =>
  (form, type, value, iterates) => {
    const inclusion = readInclusion(kind, type, value, iterates);
    if (inclusion === undefined) return false;
    if (kind === '_include') form.includes = [...form.includes, inclusion];
    else form.revIncludes = [...form.revIncludes, inclusion];
    return true;
  };

/** Each answers whether it could be honoured. */
const READERS: Readonly<Record<string, Reader | undefined>> = {
  [PAGE_PARAMETER]: (form, _type, value) => {
    form.page = value;
    return true;
  },
  _count: (form, _type, value) => {
    const count = countOf(value);
    if (count === 0) form.countOnly = true;
    else form.count = Math.min(count, MAX_COUNT);
    return true;
  },
  _sort: (form, type, value) => {
    const keys = value.split(',').map((key) => ({ parameter: key.replace(/^-/, ''), descending: key.startsWith('-') }));
    if (!keys.every(({ parameter }) => isSortable(type, parameter))) return false;
    form.sort = keys.length === 1 && keys[0]?.parameter === '_id' && !keys[0].descending ? [] : keys;
    return true;
  },
  _total: (form, _type, value) => {
    if (value !== 'none' && value !== 'estimate' && value !== 'accurate')
      throw invalid('_total', 'none, estimate, accurate');
    form.withTotal = value !== 'none';
    return true;
  },
  _summary: (form, _type, value) => {
    if (value === 'count') form.countOnly = true;
    return value === 'count' || value === 'false';
  },
  _elements: (form, _type, value) => {
    form.elements = [...form.elements, ...readElements([value])];
    return true;
  },
  _include: include('_include'),
  _revinclude: include('_revinclude'),
};

/**
 * True for a parameter of this kind that is honoured, false for one that is not, undefined for one of another kind.
 *
 * @throws ExchangeError `request-invalid`
 */
export function readResultParameter(
  form: FormDraft,
  type: string,
  written: string,
  value: string,
): boolean | undefined {
  const [name = '', modifier] = written.split(':', 2);
  const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  if (reader === undefined) return undefined;
  const iterates = modifier === 'iterate' && (name === '_include' || name === '_revinclude');
  if (modifier !== undefined && !iterates) return false;
  return reader(form, type, value, iterates);
}

/** @throws ExchangeError `request-invalid` */
export function countOf(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw invalid('_count', 'a whole number');
  return Number(value);
}

function isSortable(type: string, parameter: string): boolean {
  const kind = filterParameter(type, parameter)?.kind;
  return parameter === '_id' || kind === 'date' || kind === 'string';
}

function invalid(name: string, accepted: string): ExchangeError {
  return new ExchangeError('request-invalid', { diagnostics: `Accepted for ${name}: ${accepted}.` });
}
