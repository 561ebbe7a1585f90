import type { ExportForm } from './export-form.ts';
import { isRecord } from './parameters.ts';
import type { PayerCapabilities } from './payer-capabilities.ts';
import { parseScopes } from './scopes.ts';

/** What a posted export asks for, where it is asked at once instead of by a bulk export. */
export interface SynchronousExport {
  readonly form: Extract<ExportForm, 'everything' | 'search'>;
  /** The member's Patient id at the responding payer. */
  readonly patientId: string;
  /** Entries of `export` as they were posted. */
  readonly entries: readonly string[];
  readonly capabilities: PayerCapabilities | undefined;
  /** Scopes of the token: types that it does not reach are not asked for. */
  readonly scope: string;
}

interface Asked {
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly types: readonly string[];
  readonly elements: string | undefined;
  /** Search strings (`Observation?category=laboratory`) by type; several of one type mean any of them. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

const PAGE_SIZE = '500';

/** The requests, in order, relative to the payer's base: each the first page of its answer. */
export function synchronousRequests(request: SynchronousExport): readonly string[] {
  const asked = readAsked(request.entries);
  return request.form === 'everything' ? [everything(request.patientId, asked)] : searches(request, asked);
}

/** http://hl7.org/fhir/R4/patient-operation-everything.html */
function everything(patientId: string, { since, types }: Asked): string {
  const query = new URLSearchParams({ _count: PAGE_SIZE });
  if (since !== undefined) query.set('_since', since);
  if (types.length > 0) query.set('_type', types.join(','));
  return `Patient/${patientId}/$everything?${query.toString()}`;
}

function searches({ patientId, capabilities, scope }: SynchronousExport, asked: Asked): readonly string[] {
  const parameters = capabilities?.searches ?? {};
  const granted = grantedTypes(scope);
  const types = Object.keys(parameters)
    .filter((type) => asked.types.length === 0 || asked.types.includes(type))
    .filter((type) => granted === undefined || granted.has(type))
    .sort(patientFirst);
  return types.flatMap((type) =>
    (asked.filters[type] ?? ['']).map((filter) => {
      const query = new URLSearchParams(filter);
      query.set(parameters[type] ?? 'patient', patientId);
      if (asked.since !== undefined) query.append('_lastUpdated', `gt${asked.since}`);
      if (asked.until !== undefined) query.append('_lastUpdated', `le${asked.until}`);
      if (asked.elements !== undefined) query.set('_elements', asked.elements);
      query.set('_count', PAGE_SIZE);
      return `${type}?${query.toString()}`;
    }),
  );
}

/** Undefined where the token reaches every type, or says nothing of types. */
function grantedTypes(scope: string): ReadonlySet<string> | undefined {
  const scopes = parseScopes(scope).filter((each) => each.kind === 'smart');
  if (scopes.length === 0 || scopes.some(({ resource }) => resource === '*')) return undefined;
  return new Set(scopes.filter(({ letters }) => letters.includes('s')).map(({ resource }) => resource));
}

function patientFirst(one: string, other: string): number {
  if (one === 'Patient' || other === 'Patient') return one === 'Patient' ? -1 : 1;
  return one < other ? -1 : 1;
}

function readAsked(entries: readonly string[]): Asked {
  const values = entries.map((text) => readEntry(JSON.parse(text)));
  const of = (name: string): readonly string[] =>
    values.filter((entry) => entry.name === name).map(({ value }) => value);
  const listed = (name: string): readonly string[] =>
    of(name).flatMap((value) => value.split(',').map((each) => each.trim()));
  const filters: Record<string, string[]> = {};
  for (const filter of of('_typeFilter')) {
    const [type = '', query = ''] = filter.split(/\?(.*)/s);
    (filters[type] ??= []).push(query);
  }
  return {
    ...{ since: of('_since')[0], until: of('_until')[0], filters },
    types: [...new Set(listed('_type'))],
    elements: of('_elements').join(',') || undefined,
  };
}

function readEntry(entry: unknown): { readonly name: string; readonly value: string } {
  if (!isRecord(entry)) return { name: '', value: '' };
  const key = Object.keys(entry).find((name) => name.startsWith('value'));
  const value = key === undefined ? undefined : entry[key];
  return { name: String(entry['name']), value: typeof value === 'string' ? value : '' };
}
