import { prepareSet } from './data.ts';
import type { PreparedSet, SetSize } from './data.ts';
import { exchangeSpan, stepSeconds } from './history.ts';
import type { StepSeconds } from './history.ts';
import { startPayer } from './payer.ts';
import type { Payer, PayerOptions } from './payer.ts';
import type { Progress } from './progress.ts';
import { keepRows } from './rows.ts';
import type { Servers } from './servers.ts';

export interface ImportFigures {
  readonly set: PreparedSet;
  /** From the kick-off to the publication. */
  readonly seconds: number;
  readonly steps: StepSeconds;
  readonly publishMs: number;
  /** Of the worker. */
  readonly peakBytes: number;
  readonly idleBytes: number;
}

/** What the benchmarks share: several look at one and the same import. */
export interface Run {
  readonly servers: Servers;
  readonly progress: Progress;
  /** What `work` answered the first time that this was asked for in this run. */
  once<T>(name: string, work: () => Promise<T>): Promise<T>;
  prepare(size: SetSize): Promise<PreparedSet>;
  /** A first import into an empty database; measured once in a run, its final rows kept. */
  importOf(size: SetSize): Promise<ImportFigures>;
  /** A payer of its own for `work`, taken away afterwards. Answers the peak memory of its worker as well. */
  withPayer<T>(options: PayerOptions, work: (payer: Payer) => Promise<T>): Promise<{ result: T; peakBytes: number }>;
  /** Runs exchanges of these sets at the same time, with progress. Answers seconds from first kick-off to last end. */
  exchangeAll(payer: Payer, sets: readonly PreparedSet[]): Promise<ExchangesTime>;
}

export interface ExchangesTime {
  readonly seconds: number;
  readonly steps: StepSeconds;
  readonly publishMs: number;
}

export function createRun(servers: Servers, progress: Progress): Run {
  const answers = new Map<string, Promise<unknown>>();
  const run: Run = {
    ...{ servers, progress },
    prepare: (size) => prepareSet(size, progress.say),
    once<T>(name: string, work: () => Promise<T>) {
      const known = answers.get(name) ?? work();
      answers.set(name, known);
      // Whoever asks by this name asks for the same.
      return known as Promise<T>;
    },
    importOf: (size) => run.once(`import of ${size.name}`, () => measureImport(run, size)),
    async withPayer(options, work) {
      const payer = await startPayer(servers, options);
      await servers.checkpoint();
      const result = await work(payer);
      const peakBytes = await payer.stop();
      await servers.dropDatabase(options.name);
      return { result, peakBytes };
    },
    exchangeAll: (payer, sets) => exchangeAll(progress, payer, sets),
  };
  return run;
}

async function measureImport(run: Run, size: SetSize): Promise<ImportFigures> {
  const set = await run.prepare(size);
  const name = `import_${size.name.replaceAll('-', '_')}`;
  const { result, peakBytes } = await run.withPayer({ name }, async (payer) => {
    const time = await run.exchangeAll(payer, [set]);
    if (size.forFloor === true) await keepRows(payer.pool, set);
    return { ...time, idleBytes: payer.idleBytes };
  });
  return { set, peakBytes, ...result };
}

async function exchangeAll(progress: Progress, payer: Payer, sets: readonly PreparedSet[]): Promise<ExchangesTime> {
  const wanted = sets.reduce((sum, { resources }) => sum + resources, 0);
  const before = await payer.imported();
  const begun = Date.now();
  const look = async (): Promise<string> => {
    const seconds = (Date.now() - begun) / 1000;
    const done = (await payer.imported()) - before;
    return `${payer.name}: ${done.toLocaleString('en-US')} of ${wanted.toLocaleString('en-US')} resources, ${seconds.toFixed(0)} s`;
  };
  const ended = await progress.during(look, () => Promise.all(sets.map((set) => payer.exchange(set))));
  const spans = ended.map(({ activities }) => exchangeSpan(activities));
  const seconds = (Math.max(...spans.map(({ to }) => to)) - Math.min(...spans.map(({ from }) => from))) / 1000;
  return {
    seconds,
    steps: stepSeconds(ended[0]?.activities ?? []),
    publishMs: Math.max(...ended.map(({ publishMs }) => publishMs)),
  };
}
