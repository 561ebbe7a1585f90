import type { Request } from 'express';
import { ExchangeError } from '../../fhir/errors.ts';

/** A number of the path. What is none is not found, like one that nobody has. */
export function pidOf(req: Request, name = 'pid'): number {
  const text = String(req.params[name]);
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new ExchangeError('not-found');
  return Number(text);
}
