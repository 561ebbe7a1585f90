import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

const HEADER = 'X-Request-Id';

/** Gives every request an id, in its answer and in the log. */
export const requestId: RequestHandler = (_req, res, next) => {
  res.setHeader(HEADER, randomUUID());
  next();
};

export function requestIdOf(res: Response): string {
  return String(res.getHeader(HEADER) ?? '');
}
