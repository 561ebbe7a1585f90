import { ExchangeError } from './errors.ts';
import { readElements } from './element-subset.ts';
import { parseReference } from './identifiers.ts';
import { isResourceType } from './resource-types.ts';
import { readTypeFilters, splitTypeFilters } from './type-filter.ts';

/** What a kick-off asks for (Bulk Data 2.0, query parameters; `exportType` and `_until` of Da Vinci ATR and Bulk Data 3.0). */
export interface ExportRequest {
  /** Ids of `patient`; undefined where none was named. */
  readonly patientIds: readonly string[] | undefined;
  /** Empty: all types. */
  readonly types: readonly string[];
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  /** Each `Type?query`. */
  readonly typeFilters: readonly string[];
  /** Each `element` or `Type.element`. */
  readonly elements: readonly string[];
  readonly origin: 'native' | 'imported' | 'all';
  /** Names of parameters that were passed over, since the request is lenient. */
  readonly ignored: readonly string[];
}

export interface ExportForm {
  readonly operation: '$export' | '$davinci-data-export';
  /** `Prefer: handling=lenient`. */
  readonly isLenient: boolean;
  /** Our own FHIR base: absolute references to it are local ones. */
  readonly baseUrl: string;
}

const FORMATS = ['application/fhir+ndjson', 'application/ndjson', 'ndjson'];
const ACCEPTED = ['_outputFormat', '_type', '_since', '_until', '_typeFilter', '_elements', 'patient', 'origin'];
const LISTS: ReadonlySet<string> = new Set(['_type', '_typeFilter', '_elements', 'patient']);
/** The word of PDex, and those of its earlier editions; a version behind a bar is passed over. */
const EXPORT_TYPES = ['hl7.fhir.us.davinci-pdex#payertopayer', 'hl7.fhir.us.davinci-pdex.p2p'];

/**
 * @throws ExchangeError `not-supported` naming a parameter that is not honoured, unless the request is lenient;
 *   `request-invalid` for a value that is none. What narrows the export is never passed over.
 */
export function readExportParameters(values: ReadonlyMap<string, readonly string[]>, form: ExportForm): ExportRequest {
  const accepted = form.operation === '$export' ? ACCEPTED : [...ACCEPTED, 'exportType'];
  const ignored = [...values.keys()].filter((name) => !accepted.includes(name));
  if (ignored[0] !== undefined && !form.isLenient) throw unsupported(ignored[0], `Accepted: ${accepted.join(', ')}.`);
  const once = (name: string): string | undefined => onlyValue(name, values.get(name) ?? []);
  // A plus sign that was not encoded arrives as a space.
  const format = once('_outputFormat')?.replaceAll(' ', '+');
  if (format !== undefined && !FORMATS.includes(format)) throw invalid('_outputFormat', FORMATS.join(', '));
  assertExportType(once('exportType'));
  const types = [...new Set((values.get('_type') ?? []).flatMap(splitTypes))];
  return {
    patientIds: values.get('patient')?.map((reference) => patientId(reference, form.baseUrl)),
    types,
    since: instantOf('_since', once('_since')),
    until: instantOf('_until', once('_until')),
    typeFilters: filtersOf(values.get('_typeFilter') ?? [], types, form.baseUrl),
    elements: readElements(values.get('_elements') ?? []),
    origin: originOf(once('origin')),
    ignored,
  };
}

const named = (name: string): string => `Parameters.parameter.where(name = '${name.replace(/[^\w-]/g, '')}')`;

function unsupported(name: string, diagnostics: string): ExchangeError {
  return new ExchangeError('not-supported', { expression: named(name), diagnostics });
}

function invalid(name: string, accepted: string): ExchangeError {
  return new ExchangeError('request-invalid', {
    expression: `${named(name)}.value`,
    diagnostics: `Accepted: ${accepted}.`,
  });
}

function onlyValue(name: string, values: readonly string[]): string | undefined {
  if (!LISTS.has(name) && new Set(values).size > 1) throw invalid(name, 'one value');
  return values[0];
}

function assertExportType(value: string | undefined): void {
  if (value === undefined || EXPORT_TYPES.includes(value.replace(/\|.*$/, ''))) return;
  throw unsupported('exportType', `Accepted: ${EXPORT_TYPES.join(', ')}.`);
}

function filtersOf(values: readonly string[], types: readonly string[], baseUrl: string): readonly string[] {
  const filters = values.flatMap(splitTypeFilters);
  for (const type of readTypeFilters(filters, baseUrl).keys()) {
    if (types.length > 0 && !types.includes(type)) throw invalid('_typeFilter', 'types that _type names');
  }
  return filters;
}

function patientId(reference: string, baseUrl: string): string {
  const parsed = parseReference(reference, baseUrl);
  if (parsed.kind !== 'literal' || parsed.type !== 'Patient') throw invalid('patient', 'a reference to a Patient here');
  return parsed.id;
}

function splitTypes(list: string): string[] {
  const types = list.split(',').map((type) => type.trim());
  if (!types.every(isResourceType)) throw invalid('_type', 'resource types of FHIR R4');
  return types;
}

function instantOf(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const written = text.replace(' ', '+');
  const instant = new Date(written);
  if (!/T.*(Z|[+-]\d{2}:\d{2})$/.test(written) || Number.isNaN(instant.getTime())) throw invalid(name, 'an instant');
  return instant;
}

function originOf(text: string | undefined): ExportRequest['origin'] {
  if (text === undefined) return 'all';
  if (text === 'native' || text === 'imported' || text === 'all') return text;
  throw invalid('origin', 'native, imported, all');
}
