import { cancellationSignal, heartbeat } from '@temporalio/activity';

/** Often enough to hear of a cancellation soon, seldom enough to cost nothing. */
const EVERY_MS = 500;

/**
 * The same items, with heartbeats on the way, whatever becomes of the items; a cancelled activity stops at the next one.
 * @throws CancelledFailure
 */
export async function* alive<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const signal = cancellationSignal();
  let passed = 0;
  let said = -Infinity;
  for await (const item of items) {
    signal.throwIfAborted();
    passed++;
    const now = Date.now();
    if (now - said >= EVERY_MS) {
      heartbeat({ passed });
      said = now;
    }
    yield item;
  }
}
