import { inPatientCompartment } from '../../fhir/compartment.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { isFhirId, parseReference } from '../../fhir/identifiers.ts';
import { LOOKED_UP_TYPES } from '../../fhir/index-values.ts';
import type { IdentifierQuery, NameQuery, SearchQuery } from '../../store/fhir-store.ts';
import { instantRange } from './instant-range.ts';
import type { RestContext } from './interaction.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type QueryDraft = Writable<Omit<SearchQuery, 'lastUpdated' | 'names'>> & {
  lastUpdated: NonNullable<SearchQuery['lastUpdated']>[number][];
  names: NameQuery[];
};

type SearchContext = Pick<RestContext, 'baseUrl' | 'access'>;

export interface SearchRequest {
  readonly query: SearchQuery;
  /** `Provenance:target` was asked for. */
  readonly withProvenance: boolean;
  /** Names of parameters that were not applied. */
  readonly ignored: readonly string[];
  /** What was applied, for the links. */
  readonly applied: URLSearchParams;
}

export const PAGE_PARAMETER = '_page';

const DEFAULT_COUNT = 50;
const MAX_COUNT = 1000;
/** Of the form of the answer, not of what is found. */
const FORM_PARAMETERS: ReadonlySet<string> = new Set(['_format', '_pretty']);
const HUMAN_NAMED: ReadonlySet<string> = new Set(['Patient', 'Practitioner']);
const NAMED: ReadonlySet<string> = new Set(['Patient', 'Practitioner', 'Organization', 'Location']);

/**
 * Reads the parameters of a search.
 *
 * @throws ExchangeError `request-invalid` for a value that is none, `not-supported` for a modifier that is not,
 *   `too-costly` for a search over all members
 */
export function readSearch(
  type: string,
  parameters: URLSearchParams,
  { baseUrl, access }: SearchContext,
): SearchRequest {
  const query: QueryDraft = { type, count: DEFAULT_COUNT, lastUpdated: [], names: [] };
  const ignored: string[] = [];
  const applied = new URLSearchParams();
  let withProvenance = false;
  for (const [name, value] of parameters) {
    if (FORM_PARAMETERS.has(name) || value === '') continue;
    if (name === '_revinclude' && value === 'Provenance:target') withProvenance = true;
    else if (!apply(query, name, value, baseUrl)) {
      ignored.push(name);
      continue;
    }
    if (name !== PAGE_PARAMETER) applied.append(name, value);
  }
  if (isCostly(query, ignored, access.isOperator)) throw new ExchangeError('too-costly');
  const { lastUpdated, names, ...rest } = query;
  const complete = { ...rest, ...(lastUpdated.length > 0 && { lastUpdated }), ...(names.length > 0 && { names }) };
  return { query: complete, withProvenance, ignored: [...new Set(ignored)], applied };
}

/** False for a parameter that this server does not apply to the type. */
function apply(query: QueryDraft, parameter: string, value: string, baseUrl: string): boolean {
  const [name = '', modifier] = parameter.split(':', 2);
  const reader = readers(query, baseUrl)[name];
  if (reader === undefined) return false;
  if (modifier !== undefined && !(modifier === 'Patient' && (name === 'patient' || name === 'subject'))) {
    throw new ExchangeError('not-supported', {
      diagnostics: `The modifier of the search parameter ${name} is not supported.`,
    });
  }
  reader(value);
  return true;
}

function readers(query: QueryDraft, baseUrl: string): Readonly<Record<string, ((value: string) => void) | undefined>> {
  const { type } = query;
  const addPatients = (value: string): void => {
    query.patientIds = both(
      query.patientIds,
      listed(value).map((reference) => patientId(reference, baseUrl)),
    );
  };
  const addName = (part?: 'family' | 'given') => (value: string) => {
    query.names.push({ ...(part && { part }), anyOf: listed(value).map(unescaped) });
  };
  return {
    _id: (value) => (query.ids = both(query.ids, listed(value).filter(isFhirId))),
    _count: (value) => (query.count = countOf(value)),
    _lastUpdated: (value) => query.lastUpdated.push(...instantRange(value)),
    [PAGE_PARAMETER]: (value) => (query.after = value),
    identifier: (value) => (query.identifiers = onlyOnce(query.identifiers, listed(value).map(identifierOf))),
    ...(inPatientCompartment(type) && type !== 'Patient' && { patient: addPatients, subject: addPatients }),
    ...(NAMED.has(type) && { name: addName() }),
    ...(HUMAN_NAMED.has(type) && { family: addName('family'), given: addName('given') }),
  };
}

/**
 * What is neither in an index nor inside one compartment would read the records of all members. Of those a partner sees
 * few, so that it has to narrow each search.
 */
function isCostly(query: QueryDraft, ignored: readonly string[], isOperator: boolean): boolean {
  if (query.ids !== undefined || query.patientIds !== undefined) return false;
  if (query.identifiers !== undefined) return !LOOKED_UP_TYPES.has(query.type);
  if (query.names.length > 0) return false;
  return !isOperator || (ignored.length > 0 && query.lastUpdated.length === 0);
}

/** Several values of one parameter, separated by commas that no backslash stands before: any of them. */
function listed(value: string): string[] {
  return value.match(/(?:[^\\,]|\\.)+/g) ?? [];
}

/** http://hl7.org/fhir/R4/search.html#escaping */
function unescaped(value: string): string {
  return value.replace(/\\([\\|,$])/g, '$1');
}

/** A parameter given twice: both must hold. */
function both(present: readonly string[] | undefined, more: readonly string[]): readonly string[] {
  return present === undefined ? more : present.filter((value) => more.includes(value));
}

function onlyOnce(
  present: readonly IdentifierQuery[] | undefined,
  more: readonly IdentifierQuery[],
): readonly IdentifierQuery[] {
  if (present === undefined) return more;
  throw new ExchangeError('not-supported', { diagnostics: 'The search parameter identifier may be given once.' });
}

function identifierOf(token: string): IdentifierQuery {
  const [, system, value] = /^(?:((?:[^\\|]|\\.)*)\|)?((?:[^\\|]|\\.)*)$/.exec(token) ?? [];
  if (value === undefined || value === '') {
    throw new ExchangeError('request-invalid', {
      diagnostics: 'The search parameter identifier is value or system|value.',
    });
  }
  return { value: unescaped(value), ...(system !== undefined && { system: unescaped(system) }) };
}

function patientId(reference: string, baseUrl: string): string {
  if (isFhirId(reference)) return reference;
  const parsed = parseReference(reference, baseUrl);
  if (parsed.kind === 'literal' && parsed.type === 'Patient') return parsed.id;
  throw new ExchangeError('request-invalid', {
    diagnostics: 'The search parameter patient names a Patient: id or Patient/id.',
  });
}

function countOf(value: string): number {
  if (!/^\d{1,9}$/.test(value))
    throw new ExchangeError('request-invalid', { diagnostics: '_count is a whole number.' });
  return Math.min(Math.max(Number(value), 1), MAX_COUNT);
}
