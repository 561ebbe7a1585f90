import { parentPort } from 'node:worker_threads';
import { importBatchOf } from '../activities/requester/import-batch.ts';
import type { TargetStore } from '../activities/requester/import-threads.ts';
import { targetLookup } from '../activities/requester/target-lookup.ts';
import type { ExchangeContext } from '../fhir/import-transform.ts';
import type { FromThread, StoreAnswer, StoreQuestion, ToThread } from './messages.ts';
import { Memory, packBatch, unpackLines } from './packed.ts';

/*
 * The program of a thread in which received lines become rows (import-threads.ts starts it): a session for each exchange.
 */

type Prepare = Extract<ToThread, { kind: 'prepare' }>;

const spare = new Memory();
const sessions = new Map<number, Session>();
const waiting = new Map<number, { answer(value: StoreAnswer): void; fail(error: Error): void }>();
let questions = 0;

const post = (message: FromThread, memory: readonly ArrayBuffer[] = []): void =>
  parentPort?.postMessage(message, memory);

class Session {
  readonly #context: ExchangeContext;
  readonly #lookup: ReturnType<typeof targetLookup>;
  /** Batches are prepared one after the other, though each may have to wait for the store. */
  #last: Promise<void> = Promise.resolve();

  constructor(session: number, exchangeId: string, context: ExchangeContext) {
    this.#context = context;
    this.#lookup = targetLookup(storeOf(session), exchangeId, context);
  }

  prepare(message: Prepare): void {
    this.#last = this.#last.then(() => this.#prepare(message));
  }

  async #prepare({ batch, file, lines }: Prepare): Promise<void> {
    try {
      const rows = await importBatchOf(this.#context, this.#lookup, file, unpackLines(lines));
      const prepared = packBatch(rows, spare);
      const memory = lines.bytes.buffer;
      post({ kind: 'prepared', batch, prepared, memory }, [prepared.bytes.buffer, memory]);
    } catch (error) {
      const { name, stack = '' } = error instanceof Error ? error : new TypeError();
      post({ kind: 'failed', batch, name, stack });
    }
  }
}

function storeOf(session: number): TargetStore {
  const ask = (question: StoreQuestion): Promise<StoreAnswer> =>
    new Promise((answer, fail) => {
      questions += 1;
      waiting.set(questions, { answer, fail });
      post({ kind: 'ask', session, question: questions, ask: question });
    });
  return {
    async known(exchangeId, keys) {
      const plain = keys.map(({ type, id }) => ({ type, id }));
      const answer = await ask({ method: 'known', exchangeId, keys: plain });
      return answer instanceof Set ? answer : new Set();
    },
    async broughtByIdentifier(exchangeId, type, { system, value }) {
      const answer = await ask({ method: 'broughtByIdentifier', exchangeId, type, system, value });
      return typeof answer === 'string' ? answer : undefined;
    },
  };
}

parentPort?.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'open':
      sessions.set(message.session, new Session(message.session, message.exchangeId, message.context));
      break;
    case 'prepare':
      sessions.get(message.session)?.prepare(message);
      break;
    case 'close':
      sessions.delete(message.session);
      break;
    case 'memory':
      spare.give(message.memory);
      break;
    case 'answer':
      waiting.get(message.question)?.answer(message.answer);
      waiting.delete(message.question);
      break;
    case 'no-answer':
      waiting.get(message.question)?.fail(new Error('The store did not answer.'));
      waiting.delete(message.question);
  }
});
