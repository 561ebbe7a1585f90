import type { Request } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';
import { listOf } from '../../fhir/member-match.ts';
import { isRecord, readParameters } from '../../fhir/parameters.ts';
import { bodyText } from '../body.ts';

/**
 * The parameters of an operation as a URL has them: of the URL and, posted, of a Parameters resource, where codes become
 * `system|code`.
 *
 * @param urlOnly names that a posted resource cannot give
 * @throws ExchangeError `request-invalid`
 */
export function operationParameters(req: Request, urlOnly: readonly string[] = []): URLSearchParams {
  const question = req.originalUrl.indexOf('?');
  const parameters = new URLSearchParams(question === -1 ? '' : req.originalUrl.slice(question + 1));
  if (req.method !== 'POST' || req.body === undefined || req.body === '') return parameters;
  for (const { name, value, path } of readParameters(bodyText(req))) {
    if (urlOnly.includes(name)) continue;
    const found = Object.entries(value).find(([key]) => key.startsWith('value'))?.[1];
    const written = isRecord(found) ? codesOf(found) : found;
    if (typeof written !== 'string' && typeof written !== 'number' && typeof written !== 'boolean') {
      throw new ExchangeError('request-invalid', { expression: `${path}.value`, diagnostics: 'Accepted: a value.' });
    }
    parameters.append(name, String(written));
  }
  return parameters;
}

/** A CodeableConcept as a search for any of its codes; undefined for what has none. */
function codesOf(concept: Readonly<Record<string, unknown>>): string | undefined {
  const codes = listOf(concept, 'coding').flatMap(({ system, code }) => {
    if (typeof code !== 'string') return [];
    return [typeof system === 'string' ? `${escaped(system)}|${escaped(code)}` : escaped(code)];
  });
  return codes.length === 0 ? undefined : codes.join(',');
}

const escaped = (text: string): string => text.replace(/[\\|,$]/g, '\\$&');
