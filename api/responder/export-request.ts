import type { Request } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import { readExportParameters } from '../../fhir/export-request.ts';
import type { ExportForm, ExportRequest } from '../../fhir/export-request.ts';
import { isRecord, readParameters } from '../../fhir/parameters.ts';
import { bodyText } from '../body.ts';

/** The parameters of a kick-off, by GET or POST. @throws ExchangeError as `readExportParameters` does */
export function readExportRequest(req: Request, baseUrl: string, operation: ExportForm['operation']): ExportRequest {
  const values = queryValues(req);
  // A POST may have a query as well: what it narrows must not get lost.
  if (req.method === 'POST') addBodyValues(req, values);
  const isLenient = /\bhandling\s*=\s*lenient\b/.test(req.get('Prefer') ?? '');
  return readExportParameters(values, { operation, isLenient, baseUrl });
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
    const text = isRecord(found) ? found['reference'] : typeof found === 'boolean' ? String(found) : found;
    if (typeof text !== 'string') {
      throw new ExchangeError('request-invalid', {
        expression: `Parameters.parameter.where(name = '${name.replace(/[^\w-]/g, '')}').value`,
        diagnostics: 'Accepted: a value.',
      });
    }
    values.set(name, [...(values.get(name) ?? []), text]);
  }
}
