import type { RequestHandler } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';

/** @throws ExchangeError `method-not-allowed`, with `Allow`: a HEAD must not begin what a GET begins */
export function onlyMethods(...allowed: readonly string[]): RequestHandler {
  const list = allowed.join(', ');
  return (req, res, next) => {
    if (!allowed.includes(req.method)) {
      res.setHeader('Allow', list);
      throw new ExchangeError('method-not-allowed', { diagnostics: `Allowed: ${list}.` });
    }
    next();
  };
}
