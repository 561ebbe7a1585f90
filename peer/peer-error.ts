import { types } from 'node:util';
import { ExchangeError } from '../fhir/errors.ts';
import type { ErrorCode, ExchangeErrorOptions } from '../fhir/errors.ts';

export interface PeerErrorOptions extends ExchangeErrorOptions {
  readonly status: number;
  /** The peer's own OperationOutcome as it came: for the exchange's row alone, it may name the member. */
  readonly outcome?: string;
}

/** An answer of the peer that is an error. */
export class PeerError extends ExchangeError {
  readonly status: number;
  readonly outcome: string | undefined;

  constructor(code: ErrorCode, options: PeerErrorOptions) {
    super(code, options);
    this.status = options.status;
    this.outcome = options.outcome;
  }
}

/** The error of the exchange inside an error of a library that wrapped it. */
export function exchangeErrorIn(error: unknown): ExchangeError | undefined {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && types.isNativeError(at); depth++) {
    if (at instanceof ExchangeError) return at;
    at = at.cause;
  }
  return undefined;
}
