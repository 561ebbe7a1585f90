/** A batch that is ready for the database. */
export interface Prepared {
  /** Lines of it that were refused. */
  readonly refused: number;
  stage(): Promise<unknown>;
}

/** So many batches are being prepared, wait for the database or are on their way into it while the next one is read. */
const BATCHES_AHEAD = 2;

/** Batches go into the database one after the other, in the order in which they are given. */
export class StagingQueue {
  readonly #afterRefusals: () => Promise<void>;
  #last: Promise<void> = Promise.resolve();
  readonly #ahead: Promise<void>[] = [];
  /** The last ones that were given, whatever has become of them. */
  #given: readonly Promise<Prepared>[] = [];

  /** `afterRefusals`: asked behind each batch of which lines were refused. */
  constructor(afterRefusals: () => Promise<void>) {
    this.#afterRefusals = afterRefusals;
  }

  /** Waits until there is room. Throws what went wrong with an earlier one. */
  async add(batch: Promise<Prepared>): Promise<void> {
    // Looked at when its turn comes; of one whose turn does not come nobody hears.
    batch.catch(() => undefined);
    this.#given = [...this.#given, batch].slice(-(BATCHES_AHEAD + 1));
    this.#last = this.#last.then(() => this.#stage(batch));
    // Looked at when there has to be room, or at the end: until then nobody hears of its failure.
    this.#last.catch(() => undefined);
    this.#ahead.push(this.#last);
    if (this.#ahead.length > BATCHES_AHEAD) await this.#ahead.shift();
  }

  async all(): Promise<void> {
    await this.#last;
  }

  /** Nothing is being prepared or on its way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#given, this.#last]);
  }

  async #stage(batch: Promise<Prepared>): Promise<void> {
    const { refused, stage } = await batch;
    await stage();
    if (refused > 0) await this.#afterRefusals();
  }
}
