import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import type { Writable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { outcomeHandler } from '../../../api/outcome.ts';
import { begun, sendChunks } from '../../../api/responder/send-chunks.ts';
import { eventually } from '../../support/eventually.ts';
import { serveApp } from '../../support/serve.ts';
import type { ServedApp } from '../../support/serve.ts';

const CHUNK = 1024 * 1024;
/** More than all that lies between the two: what is not read stays with the sender. */
const CHUNKS = 40;
const PLAIN = 'identity';
const ZIPPED = 'gzip';

const stopped: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stopped.splice(0)) await stop();
});

interface Sender {
  readonly served: ServedApp;
  readonly state: {
    asked: number;
    listeners: number;
    isGivenUp: boolean;
    isSent: boolean;
    readonly failures: unknown[];
  };
}

/** Zipped it is as long as it is. */
const noise = randomBytes(CHUNK);
/** No two chunks have the same byte in the same place, but by chance. */
const chunkAt = (n: number, into = Buffer.alloc(CHUNK)): Buffer => {
  const turn = n * 4099;
  noise.copy(into, 0, turn);
  noise.copy(into, CHUNK - turn, 0, turn);
  return into;
};

/** Sends chunks that all lie in the same memory, as an express app does; at one of them it may fail. */
async function startSender(failsAt = -1): Promise<Sender> {
  const state: Sender['state'] = { asked: 0, listeners: 0, isGivenUp: false, isSent: false, failures: [] };
  async function* chunks(to: Writable): AsyncGenerator<Buffer> {
    const bytes = Buffer.alloc(CHUNK);
    try {
      for (let n = 0; n < CHUNKS; n++) {
        if (n === failsAt) throw new Error('gone');
        state.asked = n + 1;
        state.listeners = to.listenerCount('close');
        yield chunkAt(n, bytes);
      }
    } finally {
      state.isGivenUp = state.asked < CHUNKS;
    }
  }
  const app = express();
  app.get('/', async (req, res) => {
    const zip = req.headers['accept-encoding'] === ZIPPED ? createGzip({ level: 1 }) : undefined;
    const body = await begun(chunks(zip ?? res));
    if (zip === undefined) res.setHeader('Content-Length', String(CHUNK * CHUNKS));
    await sendChunks(body, res, zip);
    state.isSent = true;
  });
  app.use(outcomeHandler({ error: (_event, { error }) => state.failures.push(error) }));
  const served = await serveApp(app);
  stopped.push(() => served.close());
  return { served, state };
}

async function answerOf(url: string, encoding: string): Promise<IncomingMessage> {
  const [answer] = (await once(get(url, { headers: { 'accept-encoding': encoding } }), 'response')) as [
    IncomingMessage,
  ];
  return answer;
}

/** How many chunks came whole and in order. */
async function chunksOf(answer: IncomingMessage, encoding: string): Promise<number> {
  const body = encoding === ZIPPED ? pipeline(answer, createGunzip(), () => undefined) : answer;
  const expected = Array.from({ length: CHUNKS }, (_, n) => chunkAt(n));
  let at = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    for (let done = 0; done < piece.length;) {
      const place = at % CHUNK;
      const length = Math.min(piece.length - done, CHUNK - place);
      const wanted = expected[Math.floor(at / CHUNK)]?.subarray(place, place + length);
      if (wanted === undefined || !piece.subarray(done, done + length).equals(wanted)) return Math.floor(at / CHUNK);
      done += length;
      at += length;
    }
  }
  return at / CHUNK;
}

describe.each([PLAIN, ZIPPED])('chunks that lie in the same memory, sent %s', (encoding) => {
  it('come as they were when they were given, however late they are read', async () => {
    const { served, state } = await startSender();
    const answer = await answerOf(served.url, encoding);
    await eventually(() => (state.asked > 1 ? true : undefined), 'a second chunk');
    expect(state.asked).toBeLessThan(CHUNKS);
    expect(await chunksOf(answer, encoding)).toBe(CHUNKS);
    expect(state).toMatchObject({ isSent: true, failures: [] });
    expect(state.listeners).toBeLessThanOrEqual(EventEmitter.defaultMaxListeners);
  });

  it('are given up without an error when their reader leaves', async () => {
    const { served, state } = await startSender();
    const answer = await answerOf(served.url, encoding);
    await once(answer, 'readable');
    answer.destroy();
    await eventually(() => (state.isSent ? true : undefined), 'the end of sending');
    expect(state).toMatchObject({ isGivenUp: true, failures: [] });
  });

  it('end the connection where one of them cannot be had', async () => {
    const { served, state } = await startSender(CHUNKS - 2);
    const answer = await answerOf(served.url, encoding);
    await expect(chunksOf(answer, encoding)).rejects.toThrow();
    expect(state.failures).toMatchObject([{ message: 'gone' }]);
  });
});

describe('a first chunk that cannot be had', () => {
  it('is answered, not cut', async () => {
    const { served } = await startSender(0);
    const answer = await answerOf(served.url, PLAIN);
    answer.resume();
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([500, 'application/fhir+json; charset=utf-8']);
  });
});

describe('a chunk that cannot be had while another one is compressed', () => {
  it('cuts the answer, into which nothing else is written', async () => {
    async function* chunks(): AsyncGenerator<Buffer> {
      yield Buffer.from('{}\n');
      await Promise.reject(new Error('gone'));
    }
    const told: boolean[] = [];
    const app = express();
    app.get('/', async (_req, res) => {
      await sendChunks(chunks(), res, createGzip({ level: 1 })).catch(() => told.push(res.destroyed));
    });
    const served = await serveApp(app);
    stopped.push(() => served.close());
    const read = async (): Promise<unknown> => once((await answerOf(served.url, ZIPPED)).resume(), 'end');
    await expect(read()).rejects.toThrow();
    expect(told).toEqual([true]);
  });
});
