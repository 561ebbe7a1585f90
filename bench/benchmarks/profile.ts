import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { figure, megabytes } from '../result.ts';
import { TWO_HUNDRED_THOUSAND } from '../sets.ts';
import { readProfiles } from './cpu-profile.ts';
import type { ProfiledFunction } from './cpu-profile.ts';
import type { Benchmark } from './benchmark.ts';

const SHOWN = 25;
const FILES_SHOWN = 12;

export const profile: Benchmark = {
  name: 'profile',
  byNameOnly: true,
  async measure(run) {
    const set = await run.prepare(TWO_HUNDRED_THOUSAND);
    const profiles = path.join(run.servers.folder, 'profiles');
    mkdirSync(profiles);
    const { result } = await run.withPayer({ name: 'profile', profiles }, (payer) => run.exchangeAll(payer, [set]));
    const { busySeconds, functions, files } = readProfiles(profiles);
    const described = ({ name, at, seconds }: ProfiledFunction): string =>
      `${((seconds / busySeconds) * 100).toFixed(1).padStart(5)} %  ${seconds.toFixed(2).padStart(6)} s  ${`${name}  ${at}`.trim()}`;
    return {
      about: 'Where the worker spends its time: its functions by self time, without what it waits.',
      inputs: { resources: set.resources, MB: Math.round(megabytes(set.bytes)) },
      figures: [
        figure('import, profiled', set.resources / result.seconds, 'resources/s'),
        figure('import, profiled, time', result.seconds, 's'),
        figure('download', result.steps.download, 's'),
        figure('import of the files', result.steps.import, 's'),
        figure('publish', result.steps.publish, 's'),
        figure('busy', busySeconds, 's'),
      ],
      notes: [
        ...['By function:', ...functions.slice(0, SHOWN).map(described)],
        ...['By file:', ...files.slice(0, FILES_SHOWN).map(described)],
      ],
    };
  },
};
