import { figure } from '../result.ts';
import type { Figure } from '../result.ts';
import { largeSet, MIDDLE, SMALL } from '../sets.ts';
import type { Benchmark } from './benchmark.ts';

export const publish: Benchmark = {
  name: 'publish',
  async measure(run) {
    const figures: Figure[] = [];
    for (const size of [SMALL, MIDDLE, await largeSet(run)]) {
      const { set, publishMs, steps } = await run.importOf(size);
      const label = `${set.resources.toLocaleString('en-US')} resources`;
      figures.push(
        figure(`transaction, ${label}`, publishMs, 'ms'),
        figure(`whole step, ${label}`, steps.publish, 's'),
      );
    }
    return {
      about:
        'How long the transaction is open that makes all records visible; beside it the whole step, which writes Provenance and kept files first.',
      inputs: {},
      figures,
    };
  },
};
