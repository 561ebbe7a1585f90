import { Worker } from 'node:worker_threads';
import type { ImportThread, TargetStore, ThreadedBatch } from '../activities/requester/import-threads.ts';
import type { ExchangeContext } from '../fhir/import-transform.ts';
import type { FromThread, StoreAnswer, StoreQuestion, ToThread } from './messages.ts';
import { Memory, packLines, unpackBatch } from './packed.ts';

/** A thread that no exchange has used for so long gives its memory back. */
const REST_MS = 60_000;

interface Session {
  readonly store: TargetStore;
  /** What went wrong with the store while the thread waited for its answer. */
  failure: unknown;
}

interface Pending {
  readonly session: Session;
  resolve(prepared: ThreadedBatch): void;
  reject(error: unknown): void;
}

/** One thread that runs `import-thread.ts`, seen from outside. */
export class Thread {
  readonly #worker: Worker;
  readonly #sessions = new Map<number, Session>();
  readonly #pending = new Map<number, Pending>();
  readonly #spare = new Memory();
  #numbers = 0;
  #rest: NodeJS.Timeout | undefined;
  isAlive = true;

  /** `program`: of the thread, as JavaScript. */
  constructor(program: string) {
    this.#worker = new Worker(program, { eval: true });
    // It has nothing to do that nobody waits for.
    this.#worker.unref();
    this.#worker.on('message', (message: FromThread) => {
      this.#receive(message);
    });
    this.#worker.on('error', (error) => {
      this.#end(withoutMessage('The import thread has failed', error));
    });
    this.#worker.on('exit', () => {
      this.#end(new Error('The import thread has ended.'));
    });
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  open(exchangeId: string, context: ExchangeContext, store: TargetStore): ImportThread {
    clearTimeout(this.#rest);
    const number = ++this.#numbers;
    const session: Session = { store, failure: undefined };
    this.#sessions.set(number, session);
    this.#post({ kind: 'open', session: number, exchangeId, context });
    return {
      prepare: ({ exchangeId: id, number: fileNumber, type }, received) =>
        new Promise((resolve, reject) => {
          if (!this.isAlive) throw new Error('The import thread has ended.');
          const batch = ++this.#numbers;
          this.#pending.set(batch, { session, resolve, reject });
          const file = { exchangeId: id, number: fileNumber, type };
          const lines = packLines(received, this.#spare);
          this.#post({ kind: 'prepare', session: number, batch, file, lines }, [lines.bytes.buffer]);
        }),
      close: () => {
        this.#sessions.delete(number);
        this.#post({ kind: 'close', session: number });
        if (this.#sessions.size === 0) this.#rest = setTimeout(() => void this.stop(), REST_MS).unref();
      },
    };
  }

  async stop(): Promise<void> {
    this.isAlive = false;
    clearTimeout(this.#rest);
    await this.#worker.terminate();
  }

  #post(message: ToThread, memory: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, memory);
  }

  #receive(message: FromThread): void {
    if (message.kind === 'ask') {
      void this.#answer(message);
      return;
    }
    const pending = this.#pending.get(message.batch);
    this.#pending.delete(message.batch);
    if (message.kind === 'failed') {
      pending?.reject(pending.session.failure ?? withoutMessage('A batch could not be prepared', message));
      return;
    }
    this.#spare.give(message.memory);
    const memory = message.prepared.bytes.buffer;
    const release = (): void => {
      this.#post({ kind: 'memory', memory }, [memory]);
    };
    pending?.resolve({ ...unpackBatch(message.prepared), release });
  }

  async #answer({ session: number, question, ask }: Extract<FromThread, { kind: 'ask' }>): Promise<void> {
    const session = this.#sessions.get(number);
    try {
      if (session === undefined) throw new Error('Nobody waits for the batch any more.');
      const answer = await answerOf(session.store, ask);
      this.#post({ kind: 'answer', question, answer });
    } catch (error) {
      if (session !== undefined) session.failure = error;
      this.#post({ kind: 'no-answer', question });
    }
  }

  #end(error: unknown): void {
    this.isAlive = false;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#sessions.clear();
  }
}

/** A message may quote the line that it is about: what and where it was is told, and no more. */
function withoutMessage(what: string, { name, stack = '' }: Pick<Error, 'name' | 'stack'>): Error {
  const error = new Error(`${what}: ${name}.`);
  error.stack = [error.message, ...stack.split('\n').filter((line) => /^\s+at /.test(line))].join('\n');
  return error;
}

function answerOf(store: TargetStore, ask: StoreQuestion): Promise<StoreAnswer> {
  const { exchangeId } = ask;
  if (ask.method === 'known') return store.known(exchangeId, ask.keys);
  const { type, system, value } = ask;
  return store.broughtByIdentifier(exchangeId, type, { system, value });
}
