import { figure, megabytes } from '../result.ts';
import { TWO_HUNDRED_THOUSAND } from '../sets.ts';
import type { Benchmark } from './benchmark.ts';

export const unchanged: Benchmark = {
  name: 'unchanged',
  async measure(run) {
    const set = await run.prepare(TWO_HUNDRED_THOUSAND);
    const { result } = await run.withPayer({ name: 'unchanged' }, async (payer) => ({
      first: await run.exchangeAll(payer, [set]),
      second: await run.exchangeAll(payer, [set]),
    }));
    const { first, second } = result;
    return {
      about: 'A second exchange of which nothing has changed, against the first one.',
      inputs: { resources: set.resources, MB: Math.round(megabytes(set.bytes)) },
      figures: [
        figure('first', set.resources / first.seconds, 'resources/s'),
        figure('unchanged', set.resources / second.seconds, 'resources/s'),
        figure('unchanged : first, speed', first.seconds / second.seconds, 'ratio'),
        figure('unchanged, download', second.steps.download, 's'),
        figure('unchanged, import of the files', second.steps.import, 's'),
        figure('unchanged, publish', second.steps.publish, 's'),
      ],
    };
  },
};
