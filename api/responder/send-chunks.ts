import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Gzip } from 'node:zlib';
import type { Response } from 'express';

/** Chunks of which the first one is there: what is wrong with it is thrown while an answer can still be given. */
export async function begun(chunks: AsyncIterable<Buffer>): Promise<AsyncIterable<Buffer>> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      if (first.done !== true) yield first.value;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.();
    }
  })();
}

/**
 * Sends chunks whose bytes hold only until the next one is asked for: so it asks when the kernel has them, or when they are
 * compressed. A reader that leaves is no error: nothing more is asked for.
 * @throws what the chunks throw; the answer is then for its caller to cut
 */
export async function sendChunks(chunks: AsyncIterable<Buffer>, res: Response, zip?: Gzip): Promise<void> {
  const to = zip ?? res;
  // It fails where the reader leaves, which ends `zip` as well, and where `zip` is ended below.
  const sent = zip && pipeline(zip, res).catch(() => undefined);
  try {
    for await (const chunk of chunks) {
      if (!(await isTaken(to, chunk))) return;
    }
  } catch (error) {
    zip?.destroy();
    // An answer that has begun is cut by then, and nothing else is written into it.
    await sent;
    throw error;
  }
  to.end();
  await sent;
}

/** Resolves when nobody reads the bytes any more; false where whoever they go to is gone. */
function isTaken(to: Writable, chunk: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    // What was begun before the end may never be called back.
    const onClose = (): void => {
      resolve(false);
    };
    to.once('close', onClose);
    to.write(chunk, (error) => {
      to.off('close', onClose);
      resolve(error === null || error === undefined);
    });
  });
}
