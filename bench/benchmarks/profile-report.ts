import { monotonicMicroseconds, watchActivity } from '../database-activity.ts';
import type { ActivitySample } from '../database-activity.ts';
import { figure } from '../result.ts';
import type { Figure } from '../result.ts';
import { timeGroups } from '../time-groups.ts';
import type { Interval } from '../time-groups.ts';
import { readProfiles } from './cpu-profile.ts';
import type { ProfiledFunction } from './cpu-profile.ts';

const FUNCTIONS_SHOWN = 25;
const FILES_SHOWN = 12;

export interface Watched<T> {
  readonly result: T;
  readonly span: Interval;
  readonly samples: readonly ActivitySample[];
}

/** Runs the work, and looks at its database meanwhile. */
export async function watched<T>(databaseUrl: string, work: () => Promise<T>): Promise<Watched<T>> {
  const watch = await watchActivity(databaseUrl);
  const from = monotonicMicroseconds();
  try {
    const result = await work();
    const span = { from, to: monotonicMicroseconds() };
    return { result, span, samples: await watch.stop() };
  } catch (error) {
    await watch.stop();
    throw error;
  }
}

/** Where the time went, by the profiles that the worker has written as it ended. */
export function profileReport(
  folder: string,
  { span, samples }: Watched<unknown>,
): { readonly figures: readonly Figure[]; readonly notes: readonly string[] } {
  const { busySeconds, functions, files, busy } = readProfiles(folder);
  const { javascript, postgres, other } = timeGroups(span, busy, samples);
  const described = ({ name, at, seconds }: ProfiledFunction): string =>
    `${((seconds / busySeconds) * 100).toFixed(1).padStart(5)} %  ${seconds.toFixed(2).padStart(6)} s  ${`${name}  ${at}`.trim()}`;
  return {
    figures: [
      figure('JavaScript', javascript, 's'),
      figure('waiting on Postgres', postgres, 's'),
      figure('other', other, 's'),
      figure('JavaScript, of all threads', busySeconds, 's'),
    ],
    notes: [
      ...['By function:', ...functions.slice(0, FUNCTIONS_SHOWN).map(described)],
      ...['By file:', ...files.slice(0, FILES_SHOWN).map(described)],
    ],
  };
}
