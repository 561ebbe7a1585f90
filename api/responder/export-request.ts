import type { Request } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import { parseReference } from '../../fhir/identifiers.ts';
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
 * `baseUrl` is our own FHIR base: absolute references to it are local ones.
 * @throws ExchangeError `not-supported` naming a parameter that is not honoured, unless `handling=lenient`; `request-invalid`
 */
export function readExportRequest(req: Request, baseUrl: string): ExportRequest {
  const values = queryValues(req);
  // A POST may have a query as well: what it narrows must not get lost.
  if (req.method === 'POST') addBodyValues(req, values);
  const isLenient = /\bhandling\s*=\s*lenient\b/.test(req.get('Prefer') ?? '');
  const unknown = [...values.keys()].find((name) => !ACCEPTED.includes(name));
  if (unknown !== undefined && !isLenient) {
    throw new ExchangeError('not-supported', {
      expression: `Parameters.parameter.where(name = '${unknown.replace(/[^\w-]/g, '')}')`,
      diagnostics: `Accepted: ${ACCEPTED.join(', ')}.`,
    });
  }
  // A plus sign that was not encoded arrives as a space.
  const format = values.get('_outputFormat')?.[0]?.replaceAll(' ', '+');
  if (format !== undefined && !FORMATS.includes(format)) throw invalid('_outputFormat', FORMATS.join(', '));
  return {
    patientIds: values.get('patient')?.map((reference) => patientId(reference, baseUrl)),
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

function queryValues({ originalUrl }: Request): Map<string, string[]> {
  const values = new Map<string, string[]>();
  const [, query = ''] = originalUrl.split('?', 2);
  for (const [name, value] of new URLSearchParams(query)) values.set(name, [...(values.get(name) ?? []), value]);
  return values;
}

function addBodyValues(req: Request, values: Map<string, string[]>): void {
  // A kick-off without parameters may come without a body.
  if (req.body === undefined || req.body === '') return;
  for (const { name, value } of readParameters(bodyText(req))) {
    const found = Object.entries(value).find(([key]) => key.startsWith('value'))?.[1];
    const isReference = typeof found === 'object' && found !== null && 'reference' in found;
    const text = isReference ? found.reference : found;
    if (typeof text !== 'string') throw invalid(name, 'a value');
    values.set(name, [...(values.get(name) ?? []), text]);
  }
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

function sinceOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const written = text.replace(' ', '+');
  const instant = new Date(written);
  if (!/T.*(Z|[+-]\d{2}:\d{2})$/.test(written) || Number.isNaN(instant.getTime()))
    throw invalid('_since', 'an instant');
  return instant;
}

function originOf(text: string | undefined): ExportRequest['origin'] {
  if (text === undefined) return 'all';
  if (text === 'native' || text === 'imported' || text === 'all') return text;
  throw invalid('origin', 'native, imported, all');
}
