import { inPatientCompartment } from '../../fhir/compartment.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { filterParameter } from '../../fhir/filter-parameters.ts';
import type { FilterParameter } from '../../fhir/filter-parameters.ts';
import { alternatives, conditionOf, unescaped } from '../../fhir/filter-values.ts';
import type { Condition } from '../../fhir/filter-values.ts';
import { isFhirId, parseReference } from '../../fhir/identifiers.ts';
import { indexable, indexValuesOf, LOOKED_UP_TYPES } from '../../fhir/index-values.ts';
import { isResourceType } from '../../fhir/resource-types.ts';
import { targetType } from '../../fhir/search-includes.ts';
import type { IdentifierQuery, SearchScope } from '../../store/search-query.ts';
import { instantRange } from './instant-range.ts';
import { narrowingName } from './name-index.ts';
import { newForm, PAGE_PARAMETER, readResultParameter } from './result-parameters.ts';
import type { ResultForm } from './result-parameters.ts';

/** `parameter.name=value`: those whose `parameter` points to what `name=value` finds of the type. */
export interface Chain {
  readonly parameter: string;
  readonly type: string;
  readonly name: string;
  readonly value: string;
}

export interface SearchRequest {
  readonly type: string;
  /** What the store is asked for; nothing of `where` yet. */
  readonly scope: SearchScope;
  /** What no index tells. */
  readonly asked: readonly Condition[];
  /** Everything that a resource has to fulfil as it is shown: what is masked must not be found by what it was. */
  readonly verified: readonly Condition[];
  readonly chains: readonly Chain[];
  readonly form: ResultForm;
  /** Names of parameters that were not applied. */
  readonly ignored: readonly string[];
  /** What was applied, for the links. */
  readonly applied: URLSearchParams;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
interface Draft {
  readonly type: string;
  readonly baseUrl: string;
  readonly scope: Writable<SearchScope>;
  readonly asked: Condition[];
  readonly verified: Condition[];
  readonly chains: Chain[];
}

/** Of the form of the answer, not of what is found. */
const FORM_PARAMETERS: ReadonlySet<string> = new Set(['_format', '_pretty']);
/** Where these parameters point to a Patient, it is the one in whose compartment the record lies. */
const OWNERS: ReadonlySet<string> = new Set(['patient', 'subject', 'beneficiary']);

/**
 * Reads the parameters of a search.
 *
 * @throws ExchangeError `request-invalid` for a value that is none, `not-supported` for a modifier that is not
 */
export function readSearch(type: string, parameters: URLSearchParams, baseUrl: string): SearchRequest {
  const draft: Draft = { type, baseUrl, scope: { type }, asked: [], verified: [], chains: [] };
  const form = newForm();
  const ignored = new Set<string>();
  const applied = new URLSearchParams();
  for (const [name, value] of parameters) {
    if (FORM_PARAMETERS.has(name) || value === '') continue;
    const isApplied = readResultParameter(form, type, name, value) ?? applyFilter(draft, name, value);
    if (!isApplied) ignored.add(name);
    else if (name !== PAGE_PARAMETER) applied.append(name, value);
  }
  const { scope, asked, verified, chains } = draft;
  return { type, scope, asked, verified, chains, form, ignored: [...ignored], applied };
}

/** False for a parameter that this server does not apply to the type. */
function applyFilter(draft: Draft, written: string, value: string): boolean {
  const dot = written.indexOf('.');
  if (dot !== -1) return applyChain(draft, written.slice(0, dot), written.slice(dot + 1), value);
  const [name = '', modifier] = written.split(':', 2);
  if (name === 'origin' && modifier === undefined && inPatientCompartment(draft.type)) {
    draft.scope.origin = originOf(value);
    return true;
  }
  const parameter = filterParameter(draft.type, name);
  if (parameter === undefined) return false;
  if (modifier === undefined && applyIndexed(draft, name, value)) return true;
  if (OWNERS.has(name) && inPatientCompartment(draft.type) && (modifier === undefined || modifier === 'Patient')) {
    narrowToPatients(
      draft,
      alternatives(value).map((reference) => patientId(reference, draft.baseUrl)),
    );
    return true;
  }
  const condition = readCondition(draft, name, parameter, modifier, value);
  draft.verified.push(condition);
  const narrowing = narrowingName(draft.type, name, modifier, value);
  if (narrowing !== undefined) draft.scope.names = [...(draft.scope.names ?? []), narrowing.query];
  if (narrowing?.isExact !== true) draft.asked.push(condition);
  return true;
}

/** What the store's own columns and its index of identifiers answer. */
function applyIndexed({ type, scope, verified }: Draft, name: string, value: string): boolean {
  switch (name) {
    case '_id':
      scope.ids = both(scope.ids, alternatives(value).filter(isFhirId));
      return true;
    case '_lastUpdated':
      scope.lastUpdated = [...(scope.lastUpdated ?? []), ...instantRange(value)];
      return true;
    case 'identifier': {
      const wanted = alternatives(value).map(identifierOf);
      if (
        scope.identifiers !== undefined ||
        !LOOKED_UP_TYPES.has(type) ||
        !wanted.every((each) => each !== undefined)
      ) {
        return false;
      }
      scope.identifiers = wanted;
      verified.push((resource) => indexValuesOf(resource).identifiers.some((found) => isAny(found, wanted)));
      return true;
    }
    default:
      return false;
  }
}

export function narrowToPatients(draft: { readonly scope: Writable<SearchScope> }, ids: readonly string[]): void {
  draft.scope.patientIds = both(draft.scope.patientIds, ids);
}

/** `subject:Patient.name`, `practitioner.identifier`. */
function applyChain(draft: Draft, link: string, name: string, value: string): boolean {
  const [parameter = '', modifier] = link.split(':', 2);
  const type = modifier ?? targetType(parameter);
  if (filterParameter(draft.type, parameter)?.kind !== 'reference') return false;
  if (type === undefined || !isResourceType(type) || !LOOKED_UP_TYPES.has(type) || name.includes('.')) return false;
  if (filterParameter(type, name.replace(/:.*$/, '')) === undefined) return false;
  draft.chains.push({ parameter, type, name, value });
  return true;
}

function readCondition(
  { baseUrl }: Draft,
  name: string,
  parameter: FilterParameter,
  modifier: string | undefined,
  value: string,
): Condition {
  const condition = conditionOf(parameter, { modifier, value, baseUrl });
  if (condition === 'modifier') {
    const diagnostics = `The modifier of the search parameter ${name} is not supported.`;
    throw new ExchangeError('not-supported', { diagnostics });
  }
  if (condition === 'value') {
    throw new ExchangeError('request-invalid', { diagnostics: `The value of ${name} is no ${parameter.kind}.` });
  }
  return condition;
}

/** A parameter given twice: both must hold. */
function both(present: readonly string[] | undefined, more: readonly string[]): readonly string[] {
  return present === undefined ? more : present.filter((value) => more.includes(value));
}

/** Undefined for `system|`, whose values no index lists. */
function identifierOf(token: string): IdentifierQuery | undefined {
  const [, system, value] = /^(?:((?:[^\\|]|\\.)*)\|)?((?:[^\\|]|\\.)*)$/s.exec(token) ?? [];
  if (value === undefined) {
    throw new ExchangeError('request-invalid', { diagnostics: 'An identifier is value or system|value.' });
  }
  return value === ''
    ? undefined
    : { value: unescaped(value), ...(system !== undefined && { system: unescaped(system) }) };
}

function isAny(
  found: { readonly system: string; readonly value: string },
  wanted: readonly IdentifierQuery[],
): boolean {
  return wanted.some(
    ({ system, value }) =>
      found.value === indexable(value) && (system === undefined || found.system === indexable(system)),
  );
}

function patientId(reference: string, baseUrl: string): string {
  if (isFhirId(reference)) return reference;
  const parsed = parseReference(reference, baseUrl);
  if (parsed.kind === 'literal' && parsed.type === 'Patient') return parsed.id;
  throw new ExchangeError('request-invalid', {
    diagnostics: 'The search parameter patient names a Patient: id or Patient/id.',
  });
}

function originOf(value: string): NonNullable<SearchScope['origin']> {
  if (value === 'native' || value === 'imported' || value === 'all') return value;
  throw new ExchangeError('request-invalid', { diagnostics: 'Accepted for origin: native, imported, all.' });
}
