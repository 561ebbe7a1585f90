import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { figure, megabytes } from '../result.ts';
import { TWO_HUNDRED_THOUSAND } from '../sets.ts';
import type { Benchmark } from './benchmark.ts';
import { profileReport, watched } from './profile-report.ts';

export const profile: Benchmark = {
  name: 'profile',
  byNameOnly: true,
  async measure(run) {
    const set = await run.prepare(TWO_HUNDRED_THOUSAND);
    const profiles = path.join(run.servers.folder, 'profiles');
    mkdirSync(profiles);
    const { result } = await run.withPayer({ name: 'profile', profiles }, (payer) =>
      watched(payer.databaseUrl, () => run.exchangeAll(payer, [set])),
    );
    const { seconds, steps } = result.result;
    const { figures, notes } = profileReport(profiles, result);
    return {
      about:
        'Where the time of an import goes: JavaScript in any thread of the worker, else Postgres at work, else neither (native code, files, the partner, Temporal). Then its functions by self time.',
      inputs: { resources: set.resources, MB: Math.round(megabytes(set.bytes)) },
      figures: [
        figure('import, profiled', set.resources / seconds, 'resources/s'),
        figure('import, profiled, time', seconds, 's'),
        figure('download', steps.download, 's'),
        figure('import of the files', steps.import, 's'),
        figure('publish', steps.publish, 's'),
        ...figures,
      ],
      notes,
    };
  },
};
