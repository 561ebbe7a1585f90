import type { ServerResponse } from 'node:http';
import type { ErrorRequestHandler, Response } from 'express';
import type { OperationOutcome } from 'fhir/r4.js';
import { ERRORS, ExchangeError } from '../fhir/errors.ts';
import type { ErrorCode } from '../fhir/errors.ts';
import { reasonConcept } from '../fhir/task.ts';
import { requestIdOf } from './request-id.ts';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';

/** What is logged of an error that is none of the table: its name and where the request can be found, never its message. */
export interface ErrorLog {
  error(event: string, fields: Readonly<Record<string, unknown>>): void;
}

/** Retry-After in seconds where an error says nothing itself. */
const USUAL_RETRY_SECONDS = 5;

export function outcomeOf(error: ExchangeError): OperationOutcome {
  const { code, diagnostics, expression } = error;
  return {
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code: ERRORS[code].issue as OperationOutcome['issue'][number]['code'],
        details: reasonConcept(code),
        ...(diagnostics !== undefined && { diagnostics }),
        ...(expression !== undefined && { expression: [expression] }),
      },
    ],
  };
}

export function sendResource(res: Response, status: number, resource: object): void {
  sendText(res, status, JSON.stringify(resource));
}

/** Sends JSON text as it is: decimals keep their digits. */
export function sendText(res: Response, status: number, text: string): void {
  res.status(status).setHeader('Content-Type', FHIR_JSON).send(text);
}

/** The status of a code, and the headers that go with it. */
export function setErrorHead(res: Pick<ServerResponse, 'setHeader' | 'hasHeader'>, error: ExchangeError): number {
  const { status, retry } = ERRORS[error.code];
  if (status === 401 && !res.hasHeader('WWW-Authenticate')) res.setHeader('WWW-Authenticate', 'Bearer');
  if (retry === 'after') {
    const seconds = error.retryAfterMs === undefined ? USUAL_RETRY_SECONDS : Math.ceil(error.retryAfterMs / 1000);
    res.setHeader('Retry-After', String(Math.max(1, seconds)));
  }
  return status;
}

/** Whatever a route throws, as an error of the table. */
export function asExchangeError(error: unknown): ExchangeError {
  if (error instanceof ExchangeError) return error;
  const code = codeOfStatus(error);
  if (code !== undefined) return new ExchangeError(code, { cause: error });
  return new ExchangeError(isAway(error) ? 'unavailable' : 'internal', { cause: error });
}

/** Every error of the FHIR API is an OperationOutcome. */
export function outcomeHandler(log: ErrorLog): ErrorRequestHandler {
  return (thrown, _req, res, next) => {
    const error = asExchangeError(thrown);
    if (error.code === 'internal' || error.code === 'unavailable') {
      log.error('request-failed', { code: error.code, requestId: requestIdOf(res), error: thrown as unknown });
    }
    if (res.headersSent) {
      // Half an answer is out: only cutting the connection says that it is not whole.
      next(thrown);
      return;
    }
    sendResource(res, setErrorHead(res, error), outcomeOf(error));
  };
}

/** Errors of Express itself: a path that cannot be decoded, a body that is cut, too large or encoded in an unknown way. */
function codeOfStatus(error: unknown): ErrorCode | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  switch (error.status) {
    case 400:
      return 'request-invalid';
    case 413:
      return 'request-too-large';
    case 415:
      return 'unsupported-media-type';
    default:
      return undefined;
  }
}

const AWAY = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  '57P01',
  '57P03',
  '08006',
  '08001',
  'P1001',
  'P1017',
  'P2024',
];

/** Postgres or Temporal cannot be reached: the same request may succeed later. */
function isAway(error: unknown): boolean {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    if ('code' in at && (AWAY.includes(String(at.code)) || at.code === 14)) return true;
    if (at instanceof Error && /Connection terminated|timeout exceeded when trying to connect/.test(at.message))
      return true;
    at = 'cause' in at ? at.cause : undefined;
  }
  return false;
}
