import { figure, megabytes } from '../result.ts';
import { largeSet } from '../sets.ts';
import type { Benchmark } from './benchmark.ts';
import { floorSeconds } from './floor.ts';

export const importRecords: Benchmark = {
  name: 'import',
  async measure(run) {
    const { set, seconds, steps, peakBytes } = await run.importOf(await largeSet(run));
    const floor = await floorSeconds(run, set);
    const files = set.files.length;
    return {
      about: 'The whole path, from the kick-off at a payer over HTTP to published records.',
      inputs: { resources: set.resources, MB: Math.round(megabytes(set.bytes)), files },
      figures: [
        figure('import', set.resources / seconds, 'resources/s'),
        figure('import : floor', floor / seconds, 'ratio'),
        figure('import, time', seconds, 's'),
        figure('download', steps.download, 's'),
        figure('import of the files', steps.import, 's'),
        figure('fetch what is missing', steps.fetchReferenced, 's'),
        figure('publish', steps.publish, 's'),
        figure('peak memory of the worker', megabytes(peakBytes), 'MB'),
      ],
    };
  },
};
