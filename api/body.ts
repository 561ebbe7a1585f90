import express from 'express';
import type { Request, RequestHandler } from 'express';
import { ExchangeError } from '../fhir/errors.ts';
import { decodeUtf8 } from '../fhir/ndjson.ts';

const JSON_TYPES = ['application/fhir+json', 'application/json', 'application/json+fhir', 'text/json'];
const FORM = 'application/x-www-form-urlencoded';
const MOST = '64mb';

/** Reads bodies of FHIR JSON and forms (`_search`) into `req.body` as text, so that decimals keep their digits. */
export function readBody(): RequestHandler[] {
  return [express.raw({ type: [...JSON_TYPES, FORM], limit: MOST }), toText];
}

const toText: RequestHandler = (req, _res, next) => {
  const body: unknown = req.body;
  if (Buffer.isBuffer(body)) {
    const text = decodeUtf8(body);
    if (text === undefined) throw new ExchangeError('request-invalid', { diagnostics: 'The body is not UTF-8.' });
    req.body = text;
  }
  next();
};

/**
 * The JSON body as it was posted.
 * @throws ExchangeError `unsupported-media-type` for another content type, `request-invalid` for no body
 */
export function bodyText(req: Request): string {
  const body: unknown = req.body;
  const isEmpty = body === undefined || body === '';
  if (typeof body === 'string' && !isEmpty && req.is(JSON_TYPES) !== false) return body;
  // Null: no body was sent, whatever Content-Type says.
  if (req.headers['content-type'] === undefined || (isEmpty && req.is(JSON_TYPES) !== false)) {
    throw new ExchangeError('request-invalid', { diagnostics: 'A body of type application/fhir+json is expected.' });
  }
  throw new ExchangeError('unsupported-media-type', {
    diagnostics: 'Accepted: application/fhir+json, application/json.',
  });
}

/**
 * The JSON body as a value, where decimals need not keep their digits.
 * @throws ExchangeError as `bodyText`; `request-invalid` for what is not JSON
 */
export function bodyJson(req: Request): unknown {
  const text = bodyText(req);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's message repeats part of the text.
    throw new ExchangeError('request-invalid', { diagnostics: 'The body is not JSON.' });
  }
}
