import { describe, expect, it } from '@jest/globals';
import { StagingQueue } from '../../../../activities/requester/staging-queue.ts';
import type { Prepared } from '../../../../activities/requester/staging-queue.ts';

const nobodyAsks = (): Promise<void> => Promise.resolve();

/** Something that ends when it is told to. */
function open<T>(): { readonly promise: Promise<T>; end(value: T): void; fail(error: Error): void } {
  let end: (value: T) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((resolve, reject) => {
    [end, fail] = [resolve, reject];
  });
  return { promise, end, fail };
}

const batch = (stage: () => Promise<unknown>, refused = 0): Prepared => ({ refused, stage });

describe('batches on their way into the database', () => {
  it('go in the order in which they are given, however they are ready', async () => {
    const staged: number[] = [];
    const queue = new StagingQueue(nobodyAsks);
    const [first, second] = [open<Prepared>(), open<Prepared>()];
    await queue.add(first.promise);
    await queue.add(second.promise);
    second.end(batch(() => Promise.resolve(staged.push(2))));
    first.end(batch(() => Promise.resolve(staged.push(1))));
    await queue.all();
    expect(staged).toEqual([1, 2]);
  });

  it('are no more than two ahead of the one that is given', async () => {
    const queue = new StagingQueue(nobodyAsks);
    const first = open<Prepared>();
    await queue.add(first.promise);
    await queue.add(Promise.resolve(batch(nobodyAsks)));
    let hasRoom = false;
    const third = queue.add(Promise.resolve(batch(nobodyAsks))).then(() => (hasRoom = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRoom).toBe(false);
    first.end(batch(nobodyAsks));
    await third;
  });

  it('do not go on behind one that failed', async () => {
    const staged: number[] = [];
    const queue = new StagingQueue(nobodyAsks);
    await queue.add(Promise.resolve(batch(() => Promise.reject(new Error('lost')))));
    await queue.add(Promise.resolve(batch(() => Promise.resolve(staged.push(2)))));
    await expect(queue.all()).rejects.toThrow('lost');
    expect(staged).toEqual([]);
  });

  it('are settled when nothing is being prepared any more, also behind a failure', async () => {
    const queue = new StagingQueue(nobodyAsks);
    const late = open<Prepared>();
    await queue.add(Promise.reject(new Error('lost')));
    await queue.add(late.promise);
    let isSettled = false;
    const settled = queue.settled().then(() => (isSettled = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSettled).toBe(false);
    late.fail(new Error('too late'));
    await settled;
  });

  it('ask behind each of which lines were refused', async () => {
    let asked = 0;
    const queue = new StagingQueue(() => {
      asked += 1;
      return Promise.resolve();
    });
    for (const refused of [0, 3, 0]) await queue.add(Promise.resolve(batch(nobodyAsks, refused)));
    await queue.all();
    expect(asked).toBe(1);
  });
});
