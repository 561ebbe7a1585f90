import { heartbeat } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';

const EVERY_MS = 5000;

/**
 * Runs a step with heartbeats by the clock, so that a slow payer or database does not start a second try beside the
 * first. Where there is one all the same, what the other has committed is no error: the next try goes on behind it.
 */
export async function beating<T>(run: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => heartbeat(), EVERY_MS);
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== 'conflict') throw error;
    throw new ExchangeError('unavailable', { cause: error });
  } finally {
    clearInterval(timer);
  }
}

/** @throws ExchangeError `unavailable` where somebody else has appended meanwhile */
export function assertAppended(size: number, expected: number): void {
  if (size !== expected) throw new ExchangeError('unavailable', { detail: 'Another try appends to the same bytes.' });
}
