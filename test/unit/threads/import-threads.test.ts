import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import type { ReceivedLine } from '../../../activities/requester/import-threads.ts';
import type { ImportThread, TargetStore } from '../../../activities/requester/import-threads.ts';
import { createImportThreads } from '../../../threads/import-threads.ts';
import { threadProgram } from '../../../threads/program.ts';

const CONTEXT = {
  ...{ organization: 'old', localPatientId: 'local', memberId: 'm1', anchorPatientId: 'anchor' },
  ...{ peerBase: 'https://old.example/fhir', responderIdentifierSystem: 'urn:ids' },
  ...{ migratedTag: { system: 'urn:tags', code: 'migrated' }, metaSource: 'https://old.example/fhir' },
};

const file = (type: string) => ({ exchangeId: 'x1', number: 0, type });

const threads = createImportThreads();
afterAll(() => threads.close());

const nothingKnown: TargetStore = {
  known: () => Promise.resolve(new Set()),
  broughtByIdentifier: () => Promise.resolve(undefined),
};

function lines(...texts: readonly string[]): ReceivedLine[] {
  return texts.map((text, index) => ({ number: index + 1, bytes: Buffer.from(text), tooLong: false }));
}

const observation = (id: string, encounter: string): string =>
  `{"resourceType":"Observation","id":"${id}","valueQuantity":{"value":1.50,"unit":"ä"},"subject":{"reference":"Patient/m1"},"encounter":{"reference":"Encounter/${encounter}"}}`;

async function withThread<T>(store: TargetStore, work: (thread: ImportThread) => Promise<T>): Promise<T> {
  const thread = await threads.open('x1', CONTEXT, store);
  try {
    return await work(thread);
  } finally {
    thread.close();
  }
}

const textOf = (content: Uint8Array): string => Buffer.from(content).toString();

describe('a thread in which lines become rows', () => {
  it('changes no digit and no character of a record', async () => {
    const { rows } = await withThread(nothingKnown, (thread) =>
      thread.prepare(file('Observation'), lines(observation('o1', 'e1'))),
    );
    expect(rows.map(({ content }) => textOf(content))).toEqual([expect.stringContaining('"value":1.50,"unit":"ä"')]);
  });

  it('refuses the same lines as without one, by their numbers in the file', async () => {
    const other = '{"resourceType":"Observation","id":"o2","subject":{"reference":"Patient/somebody"}}';
    const { rows, refused } = await withThread(nothingKnown, (thread) =>
      thread.prepare(file('Observation'), [
        ...lines(observation('o1', 'e1'), other, '{"resourceType":'),
        { number: 9, bytes: new Uint8Array(), tooLong: true },
      ]),
    );
    expect(rows.map(({ line }) => line)).toEqual([1]);
    expect(refused.map(({ line, reason }) => `${line} ${reason}`)).toEqual([
      '2 foreign-member',
      '3 malformed-json',
      '9 too-long',
    ]);
  });

  it('remembers what came in an earlier batch of the exchange', async () => {
    const encounter = '{"resourceType":"Encounter","id":"e1","subject":{"reference":"Patient/m1"}}';
    const { openTargets } = await withThread(nothingKnown, async (thread) => {
      const first = thread.prepare(file('Encounter'), lines(encounter));
      const second = thread.prepare(file('Observation'), lines(observation('o1', 'e1'), observation('o2', 'e2')));
      await first;
      return second;
    });
    expect(openTargets.map(({ type, originalId }) => `${type}/${originalId}`)).toEqual(['Encounter/e2']);
  });

  it('prepares a batch behind the one before it, also where that one has to wait for the store', async () => {
    const waiting: (() => void)[] = [];
    const store: TargetStore = {
      ...nothingKnown,
      known: () => new Promise((resolve) => waiting.push(() => resolve(new Set()))),
    };
    const report =
      '{"resourceType":"DiagnosticReport","id":"r1","subject":{"reference":"Patient/m1"},"result":[{"reference":"Observation/o1"}]}';
    const { openTargets } = await withThread(store, async (thread) => {
      const first = thread.prepare(file('Observation'), lines(observation('o1', 'e1')));
      const second = thread.prepare(file('DiagnosticReport'), lines(report));
      // Every question that is asked meanwhile is answered, the last one first.
      const answering = setInterval(() => waiting.pop()?.(), 20);
      await first;
      return second.finally(() => {
        clearInterval(answering);
      });
    });
    expect(openTargets).toEqual([]);
  });

  it('asks the store for what did not come with this exchange', async () => {
    const store: TargetStore = {
      ...nothingKnown,
      known: (_, keys) => Promise.resolve(new Set(keys.map(({ type, id }) => `${type}/${id}`))),
    };
    const { openTargets } = await withThread(store, (thread) =>
      thread.prepare(file('Observation'), lines(observation('o1', 'e1'))),
    );
    expect(openTargets).toEqual([]);
  });

  it('fails a batch with the error of the store, and goes on with the next one', async () => {
    let isDown = true;
    const store: TargetStore = {
      ...nothingKnown,
      known: () => (isDown ? Promise.reject(new Error('connection lost')) : Promise.resolve(new Set())),
    };
    await withThread(store, async (thread) => {
      await expect(thread.prepare(file('Observation'), lines(observation('o1', 'e1')))).rejects.toThrow(
        'connection lost',
      );
      isDown = false;
      const { rows } = await thread.prepare(file('Observation'), lines(observation('o1', 'e1')));
      expect(rows).toHaveLength(1);
    });
  });

  it('prepares batches whose memory was used for others before', async () => {
    await withThread(nothingKnown, async (thread) => {
      for (let round = 0; round < 8; round++) {
        const texts = Array.from({ length: 50 - round }, (_, index) => observation(`o${round}-${index}`, 'e1'));
        const prepared = await thread.prepare(file('Observation'), lines(...texts));
        const ids = prepared.rows.map(({ content }) => /"value":"(o[\d-]+)"/.exec(textOf(content))?.[1]);
        expect(ids).toEqual(texts.map((_, index) => `o${round}-${index}`));
        prepared.release();
      }
    });
  });

  it('ends with the threads: what waits for it is told', async () => {
    const own = createImportThreads();
    const store: TargetStore = { ...nothingKnown, known: () => new Promise(() => undefined) };
    const thread = await own.open('x1', CONTEXT, store);
    const waiting = expect(thread.prepare(file('Observation'), lines(observation('o1', 'e1')))).rejects.toThrow(
      'has ended',
    );
    await own.close();
    await waiting;
  });
});

describe('the threads of a process', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  const prepareOne = async (own: ReturnType<typeof createImportThreads>): Promise<number> => {
    const thread = await own.open('x1', CONTEXT, nothingKnown);
    const { rows } = await thread.prepare(file('Observation'), lines(observation('o1', 'e1')));
    thread.close();
    return rows.length;
  };

  it('start once their program can be made, after a time when it could not', async () => {
    let tries = 0;
    const own = createImportThreads(() =>
      tries++ === 0 ? Promise.reject(new Error('no more processes')) : threadProgram(),
    );
    await expect(own.open('x1', CONTEXT, nothingKnown)).rejects.toThrow('no more processes');
    expect(await prepareOne(own)).toBe(1);
    await own.close();
  });

  it('end when they have rested, and the next exchange has a new one', async () => {
    const own = createImportThreads();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const resting = await own.open('x1', CONTEXT, nothingKnown);
    resting.close();
    jest.advanceTimersByTime(60_000);
    jest.useRealTimers();
    // What was handed out before has ended with its thread.
    await expect(resting.prepare(file('Observation'), lines(observation('o1', 'e1')))).rejects.toThrow('has ended');
    expect(await prepareOne(own)).toBe(1);
    await own.close();
  });

  it('fail a batch with what went wrong and where, and not with the text of the line', async () => {
    const broken =
      'require("node:worker_threads").parentPort.on("message", () => { throw new RangeError("Ann Person"); });';
    const own = createImportThreads(() => Promise.resolve(broken));
    const thread = await own.open('x1', CONTEXT, nothingKnown);
    const failed: unknown = await thread
      .prepare(file('Observation'), lines(observation('o1', 'e1')))
      .catch((error: unknown) => error);
    expect(String((failed as Error).stack)).toMatch(/RangeError[^]*\n\s+at /);
    expect(String((failed as Error).stack)).not.toContain('Ann Person');
    await own.close();
  });
});
