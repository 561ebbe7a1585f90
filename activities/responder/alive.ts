import { cancellationSignal, heartbeat } from '@temporalio/activity';

/** Often enough to hear of a cancellation soon, seldom enough to cost nothing. */
const EVERY_MS = 500;
/** What lets wait longer has died. */
const LONGEST_WAIT_MS = 10 * 60_000;

/**
 * The same items, with heartbeats on the way, also while one lets wait; a cancelled activity stops at the next one.
 * @throws CancelledFailure
 */
export async function* alive<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const signal = cancellationSignal();
  let passed = 0;
  let last = Date.now();
  const beat = setInterval(() => {
    if (Date.now() - last < LONGEST_WAIT_MS) heartbeat({ passed });
  }, EVERY_MS);
  try {
    for await (const item of items) {
      signal.throwIfAborted();
      passed++;
      last = Date.now();
      yield item;
    }
  } finally {
    clearInterval(beat);
  }
}
