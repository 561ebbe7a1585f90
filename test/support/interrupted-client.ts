import { Client } from 'pg';

/** The statement at which connections are lost: what only reads is not counted, and not lost on its own. */
export interface Interruption {
  /** From 1; Infinity for none. */
  at: number;
  /** `answer`: the statement is carried out, and nobody hears of it; `activity`: the connection stays, the activity is aborted. */
  loses: 'statement' | 'answer' | 'activity';
  /** Aborts the activity that runs. */
  abort: () => void;
  /** Every later statement loses its connection as well, until this is taken back: the process is gone. */
  lasting: boolean;
  /** Statements so far. */
  count: number;
}

export const noInterruption = (): Interruption => ({
  at: Infinity,
  loses: 'statement',
  abort: () => undefined,
  lasting: false,
  count: 0,
});

const END = 'SELECT pg_terminate_backend(pg_backend_pid())';

const CHANGES = /^\s*(?:WITH [^]*)?(?:INSERT|UPDATE|DELETE|COMMIT)\b/;

type Query = (...args: unknown[]) => unknown;

/**
 * Clients whose connection is ended by their server at a certain statement of all that they send: a real loss, with all
 * that the server and the driver make of it.
 */
export function interruptedClient(interruption: Interruption): typeof Client {
  return class extends Client {
    constructor(config?: ConstructorParameters<typeof Client>[0]) {
      super(config);
      // The signatures of `query` are many; all that matters here is whether the last argument is a callback.
      const send = this.query.bind(this) as Query;
      this.query = ((...args: unknown[]) => pass(interruption, send, args)) as typeof this.query;
    }
  };
}

function pass(interruption: Interruption, send: Query, args: readonly unknown[]): unknown {
  const isCounted = isStream(args[0]) || CHANGES.test(textOf(args[0]));
  if (isCounted) interruption.count += 1;
  const { at, loses, lasting, count } = interruption;
  const isNow = (isCounted && count === at) || (lasting && count >= at);
  if (isNow && loses === 'activity') interruption.abort();
  if (!isNow || loses === 'activity') return send(...args);
  const callback = args.findLast((arg) => typeof arg === 'function');
  // A COPY is a stream: its answer comes through the stream itself.
  if (loses === 'statement' || isStream(args[0])) {
    unheard(send(END));
    return send(...args);
  }
  if (callback === undefined) {
    unheard(send(...args));
    return send(END);
  }
  send(...args.map((arg) => (arg === callback ? () => undefined : arg)));
  return send(END, callback);
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : '';
}

const isStream = (query: unknown): boolean =>
  typeof query === 'object' && query !== null && 'submit' in query && typeof query.submit === 'function';

function unheard(sent: unknown): void {
  if (sent instanceof Promise) sent.catch(() => undefined);
}
