import type { Logger } from '../logger.ts';

/** A part that was started. */
export interface Stoppable {
  /** In order, with the grace that it needs. */
  stop(): Promise<void>;
  /** At once; absent where `stop` is quick. */
  kill?(): Promise<void>;
}

/** A start was overtaken by a stop. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Ctrl-C to npm reaches us twice, from the terminal and from npm: only a later signal is a second one. */
const SAME_SIGNAL_MS = 1000;

/** Stops the parts of a program in the reverse order of their start. */
export class ShutdownStack {
  private readonly parts: { readonly name: string; readonly part: Stoppable }[] = [];
  private readonly logger: Logger;
  private hurry: () => void = () => undefined;
  private readonly hurried = new Promise<void>((resolve) => (this.hurry = resolve));
  private ask: (reason: string | undefined) => void = () => undefined;
  private readonly asked = new Promise<string | undefined>((resolve) => (this.ask = resolve));
  private stopping = false;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  /** @throws StoppedError when a stop came first: the part is stopped, the start goes no further */
  async add(name: string, part: Stoppable): Promise<void> {
    if (this.stopping) {
      await part.stop();
      throw new StoppedError();
    }
    this.parts.push({ name, part });
  }

  /** A part that ends by itself ends the program. */
  watch(end: Promise<unknown>, sentence: string): void {
    const ended = (): void => {
      if (!this.stopping) this.ask(sentence);
    };
    end.then(ended, ended);
  }

  /** Listens for SIGTERM and SIGINT; the second one hurries. */
  listen(): void {
    let firstAt: number | undefined;
    const onSignal = (): void => {
      if (firstAt === undefined) {
        firstAt = Date.now();
        this.ask(undefined);
      } else if (Date.now() - firstAt > SAME_SIGNAL_MS) this.hurry();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  }

  /** Settles with undefined on a signal, with a sentence where a part ended by itself. */
  async requested(): Promise<string | undefined> {
    return this.asked;
  }

  /** Every part is stopped, also after one failed to. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const { name, part } of this.parts.reverse()) {
      const startedAt = Date.now();
      try {
        await Promise.race([part.stop(), this.hurried.then(() => part.kill?.())]);
        this.logger.debug('stopped', { part: name, durationMs: Date.now() - startedAt });
      } catch (error) {
        this.logger.error('stop-failed', { part: name, error });
      }
    }
    this.parts.length = 0;
  }
}
