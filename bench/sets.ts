import type { SetSize } from './data.ts';
import type { Run } from './imports.ts';

export const SMALL: SetSize = { name: 'resources-1000', resources: 1000 };
export const MIDDLE: SetSize = { name: 'resources-100000', resources: 100_000 };
export const HUNDRED_MB: SetSize = { name: 'bytes-100mb', bytes: 100_000_000 };
export const ONE_GB: SetSize = { name: 'bytes-1gb', bytes: 1_000_000_000 };
export const FIVE_GB: SetSize = { name: 'bytes-5gb', bytes: 5_000_000_000 };
export const TWO_HUNDRED_THOUSAND: SetSize = { name: 'resources-200000', resources: 200_000, forFloor: true };
export const MILLION: SetSize = { name: 'resources-1000000', resources: 1_000_000, forFloor: true };

/** Below it, all benchmarks with a million resources would not fit into a quarter of an hour. */
const MILLION_NEEDS_PER_SECOND = 8000;

/** The set of the large benchmarks: a million resources, or less on a machine that is too slow for it. */
export function largeSet(run: Run): Promise<SetSize> {
  return run.once('large set', () => chooseLargeSet(run));
}

async function chooseLargeSet(run: Run): Promise<SetSize> {
  const { set, seconds } = await run.importOf(MIDDLE);
  const perSecond = set.resources / seconds;
  if (perSecond >= MILLION_NEEDS_PER_SECOND) return MILLION;
  run.progress.say(
    `${Math.round(perSecond)} resources/s here: ${TWO_HUNDRED_THOUSAND.name} instead of ${MILLION.name}`,
  );
  return TWO_HUNDRED_THOUSAND;
}
