import { cancellationSignal, heartbeat } from '@temporalio/activity';

/** For single records: often enough to hear of a cancellation at once, seldom enough to cost nothing. */
const EVERY = 200;

/**
 * The same items, with heartbeats on the way, whatever becomes of the items; a cancelled activity stops at the next one.
 * @throws CancelledFailure
 */
export async function* alive<T>(items: AsyncIterable<T>, every = EVERY): AsyncGenerator<T> {
  const signal = cancellationSignal();
  let passed = 0;
  for await (const item of items) {
    signal.throwIfAborted();
    if (passed++ % every === 0) heartbeat({ passed });
    yield item;
  }
}
