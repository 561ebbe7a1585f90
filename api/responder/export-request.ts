import type { Request } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import { readParameters } from '../../fhir/parameters.ts';
import { isResourceType } from '../../fhir/resource-types.ts';
import { bodyText } from '../body.ts';

/** The parameters of a kick-off, by GET or POST. */
export interface ExportRequest {
  /** Ids of `patient`; undefined where none was named. */
  readonly patientIds: readonly string[] | undefined;
  /** Empty: all types. */
  readonly types: readonly string[];
  readonly since: Date | undefined;
  readonly origin: 'native' | 'imported' | 'all';
}

const FORMATS = ['application/fhir+ndjson', 'application/ndjson', 'ndjson'];
const ACCEPTED = ['_outputFormat', '_type', '_since', 'patient', 'origin'];

/**
 * @throws ExchangeError `not-supported` naming a parameter that is not honoured, unless `handling=lenient`; `request-invalid`
 */
export function readExportRequest(req: Request): ExportRequest {
  const values = req.method === 'POST' ? bodyValues(req) : queryValues(req);
  const isLenient = /handling=lenient/.test(req.get('Prefer') ?? '');
  const unknown = [...values.keys()].find((name) => !ACCEPTED.includes(name));
  if (unknown !== undefined && !isLenient) {
    throw new ExchangeError('not-supported', {
      expression: `Parameters.parameter.where(name = '${unknown.replace(/[^\w-]/g, '')}')`,
      diagnostics: `Accepted: ${ACCEPTED.join(', ')}.`,
    });
  }
  const format = values.get('_outputFormat')?.[0];
  if (format !== undefined && !FORMATS.includes(format)) throw invalid('_outputFormat', FORMATS.join(', '));
  return {
    patientIds: values.get('patient')?.map(patientId),
    types: [...new Set((values.get('_type') ?? []).flatMap(splitTypes))],
    since: sinceOf(values.get('_since')?.[0]),
    origin: originOf(values.get('origin')?.[0]),
  };
}

function invalid(name: string, accepted: string): ExchangeError {
  return new ExchangeError('request-invalid', {
    expression: `Parameters.parameter.where(name = '${name}').value`,
    diagnostics: `Accepted: ${accepted}.`,
  });
}

function queryValues({ query }: Request): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(query).map(([name, value]) => [name, [value ?? []].flat().map(String)]));
}

function bodyValues(req: Request): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  // A kick-off without parameters may come without a body.
  if (req.body === undefined || req.body === '') return values;
  for (const { name, value } of readParameters(bodyText(req))) {
    const found = Object.entries(value).find(([key]) => key.startsWith('value'))?.[1];
    const isReference = typeof found === 'object' && found !== null && 'reference' in found;
    const text = isReference ? found.reference : found;
    if (typeof text !== 'string') throw invalid(name, 'a value');
    values.set(name, [...(values.get(name) ?? []), text]);
  }
  return values;
}

function patientId(reference: string): string {
  const id = /^(?:.*\/)?Patient\/([A-Za-z0-9\-.]{1,64})$/.exec(reference)?.[1];
  if (id === undefined) throw invalid('patient', 'a reference to a Patient');
  return id;
}

function splitTypes(list: string): string[] {
  const types = list.split(',').map((type) => type.trim());
  if (!types.every(isResourceType)) throw invalid('_type', 'resource types of FHIR R4');
  return types;
}

function sinceOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const instant = new Date(text);
  if (!/T.*(Z|[+-]\d{2}:\d{2})$/.test(text) || Number.isNaN(instant.getTime())) throw invalid('_since', 'an instant');
  return instant;
}

function originOf(text: string | undefined): ExportRequest['origin'] {
  if (text === undefined) return 'all';
  if (text === 'native' || text === 'imported' || text === 'all') return text;
  throw invalid('origin', 'native, imported, all');
}
