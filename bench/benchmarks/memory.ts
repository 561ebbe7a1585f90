import type { SetSize } from '../data.ts';
import type { Run } from '../imports.ts';
import { figure, megabytes } from '../result.ts';
import type { Figure, Result } from '../result.ts';
import { FIVE_GB, HUNDRED_MB, ONE_GB } from '../sets.ts';
import type { Benchmark } from './benchmark.ts';

export const memory: Benchmark = { name: 'memory', measure: (run) => peaks(run, [HUNDRED_MB, ONE_GB]) };

export const importFiveGigabytes: Benchmark = {
  name: 'import-5gb',
  byNameOnly: true,
  measure: (run) => peaks(run, [FIVE_GB]),
};

async function peaks(run: Run, sizes: readonly SetSize[]): Promise<Omit<Result, 'name'>> {
  const figures: Figure[] = [];
  const inputs: Record<string, number> = {};
  for (const size of sizes) {
    const { set, seconds, peakBytes, idleBytes } = await run.importOf(size);
    const label = `${Math.round(megabytes(set.bytes))} MB`;
    inputs[label] = set.resources;
    if (figures.length === 0) figures.push(figure('before the first exchange', megabytes(idleBytes), 'MB'));
    figures.push(figure(`peak at ${label}`, megabytes(peakBytes), 'MB'));
    figures.push(figure(`import of ${label}`, set.resources / seconds, 'resources/s'));
  }
  return {
    about: 'The most memory that the worker process had resident (VmHWM), by size of the NDJSON.',
    inputs,
    figures,
  };
}
