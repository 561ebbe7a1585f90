import type { ErrorRequestHandler, Response } from 'express';
import { z } from 'zod';
import { ERRORS, ExchangeError } from '../../fhir/errors.ts';
import { asExchangeError, setErrorHead } from '../outcome.ts';
import type { ErrorLog } from '../outcome.ts';
import { requestIdOf } from '../request-id.ts';

/** Body of every error of the P2P API. */
export const p2pError = z.strictObject({
  error: z.strictObject({
    /** Of docs/errors.md. */
    code: z.string(),
    message: z.string(),
    /** Path of the field at fault: `jwks.keys.0.kid`. */
    field: z.string().optional(),
    /** What is accepted there. */
    accepted: z.string().optional(),
  }),
});
export type P2pError = z.infer<typeof p2pError>;

/**
 * The value that a schema reads from a body.
 * @throws ExchangeError `request-invalid` with the path of the first wrong field
 */
export function readInput<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const expression = [...(issue?.path ?? []), ...unknown].join('.');
  throw new ExchangeError('request-invalid', {
    diagnostics: unknown.length > 0 ? 'There is no such field.' : (issue?.message ?? ''),
    ...(expression !== '' && { expression }),
  });
}

export function errorBody(error: ExchangeError): P2pError {
  const { code, expression, diagnostics } = error;
  return {
    error: {
      code,
      message: ERRORS[code].sentence,
      ...(expression !== undefined && { field: expression }),
      ...(diagnostics !== undefined && { accepted: diagnostics }),
    },
  };
}

/** Every error of the P2P API is JSON with a code of the table. */
export function p2pErrorHandler(log: ErrorLog): ErrorRequestHandler {
  return (thrown, _req, res: Response, next) => {
    const error = asExchangeError(thrown);
    if (error.code === 'internal' || error.code === 'unavailable') {
      log.error('request-failed', { code: error.code, requestId: requestIdOf(res), error: thrown as unknown });
    }
    if (res.headersSent) {
      next(thrown);
      return;
    }
    res.status(setErrorHead(res, error)).json(errorBody(error));
  };
}
