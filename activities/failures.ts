import { ApplicationFailure } from '@temporalio/activity';
import { ERRORS, ExchangeError } from '../fhir/errors.ts';
import type { ErrorCode } from '../fhir/errors.ts';

/** Told of every failure before it becomes a history event: for the log line, and for what only the operator may read. */
export type FailureObserver = (activity: string, input: unknown, error: ExchangeError) => Promise<void>;

/**
 * Activities whose errors reach the history as code and fixed sentence alone: no message of a library, no stack, no cause.
 * `unforeseen` names the code of what is no ExchangeError, by activity; else it is `internal`.
 */
export function withFailures<T extends object>(
  activities: T,
  observe: FailureObserver,
  unforeseen: Partial<Record<keyof T, ErrorCode>> = {},
): T {
  const codes: Readonly<Record<string, ErrorCode | undefined>> = unforeseen;
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...args: unknown[]): Promise<unknown> => {
      try {
        return await (activity as (...input: unknown[]) => Promise<unknown>)(...args);
      } catch (error) {
        if (isCancellation(error)) throw error;
        const known =
          error instanceof ExchangeError ? error : new ExchangeError(codes[name] ?? 'internal', { cause: error });
        await observe(name, args[0], known);
        throw asFailure(known);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}

/** The cancellation of an activity must stay what it is, or Temporal takes it for a failure. */
function isCancellation(error: unknown): boolean {
  return error instanceof Error && ['CancelledFailure', 'CompleteAsyncError'].includes(error.name);
}

export function asFailure(error: ExchangeError): ApplicationFailure {
  const { retry, sentence } = ERRORS[error.code];
  return ApplicationFailure.create({
    type: error.code satisfies ErrorCode,
    message: sentence,
    nonRetryable: retry === 'never',
    ...(error.retryAfterMs !== undefined && { nextRetryDelay: error.retryAfterMs }),
  });
}
