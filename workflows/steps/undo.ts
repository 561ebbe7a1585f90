import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { isErrorCode } from '../../fhir/errors.ts';
import type { ErrorCode } from '../../fhir/errors.ts';

/** What an exchange has begun and must take back if it does not reach its end. */
export class UndoList {
  readonly #steps: (() => Promise<unknown>)[] = [];

  /** Registered before a step that may succeed without telling; the last registered runs first. */
  add(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }

  /** Runs every step, whatever happens to another one, and out of reach of a cancellation. */
  async run(): Promise<void> {
    await CancellationScope.nonCancellable(async () => {
      for (const step of this.#steps.reverse()) {
        try {
          await step();
        } catch {
          // It had its time and its retries; the next one must run all the same, and the sweep looks after the rest.
        }
      }
    });
  }
}

/** The code of the table that ended a run. */
export function codeOf(error: unknown): ErrorCode {
  if (isCancellation(error)) return 'cancelled';
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && typeof cause.type === 'string' && isErrorCode(cause.type))
    return cause.type;
  if (cause instanceof TimeoutFailure) return 'unavailable';
  return 'internal';
}
