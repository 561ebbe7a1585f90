import type { SetSize } from '../data.ts';
import type { Run } from '../imports.ts';
import { figure } from '../result.ts';
import type { Figure, Result } from '../result.ts';
import { largeSet, MIDDLE, MILLION, SMALL } from '../sets.ts';
import type { Benchmark } from './benchmark.ts';

export const publish: Benchmark = {
  name: 'publish',
  measure: async (run) => publications(run, [SMALL, MIDDLE, await largeSet(run)]),
};

export const publishMillion: Benchmark = {
  name: 'publish-1m',
  byNameOnly: true,
  measure: (run) => publications(run, [SMALL, MIDDLE, MILLION]),
};

async function publications(run: Run, sizes: readonly SetSize[]): Promise<Omit<Result, 'name'>> {
  const figures: Figure[] = [];
  const transactions: number[] = [];
  for (const size of sizes) {
    const { set, publishMs, steps } = await run.importOf(size);
    const label = `${set.resources.toLocaleString('en-US')} resources`;
    figures.push(figure(`transaction, ${label}`, publishMs, 'ms'), figure(`whole step, ${label}`, steps.publish, 's'));
    transactions.push(publishMs);
  }
  const [least = Number.NaN] = transactions;
  figures.push(figure('transaction, most : fewest resources', (transactions.at(-1) ?? Number.NaN) / least, 'ratio'));
  return {
    about:
      'How long the transaction is open that makes all records visible; beside it the whole step, which writes Provenance and kept files first.',
    inputs: {},
    figures,
  };
}
