import express from 'express';
import type { Request, RequestHandler } from 'express';
import { ExchangeError } from '../fhir/errors.ts';
import { decodeUtf8 } from '../fhir/ndjson.ts';

const TYPES = ['application/fhir+json', 'application/json', 'application/json+fhir', 'text/json'];
const FORM = 'application/x-www-form-urlencoded';
const MOST = '64mb';

/** Reads FHIR JSON bodies into `req.body` as text, so that decimals keep their digits; forms (`_search`) as parameters. */
export function readBody(): RequestHandler[] {
  return [express.raw({ type: TYPES, limit: MOST }), toText, express.urlencoded({ extended: false, type: FORM })];
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
 * The body as it was posted.
 * @throws ExchangeError `unsupported-media-type` for another content type, `request-invalid` for no body
 */
export function bodyText(req: Request): string {
  const body: unknown = req.body;
  if (typeof body === 'string') return body;
  if (req.headers['content-type'] === undefined) {
    throw new ExchangeError('request-invalid', { diagnostics: 'A body of type application/fhir+json is expected.' });
  }
  throw new ExchangeError('unsupported-media-type', {
    diagnostics: 'Accepted: application/fhir+json, application/json.',
  });
}
