import type { SetSize } from '../data.ts';
import type { Run } from '../imports.ts';
import type { PreparedSet } from '../data.ts';
import { figure } from '../result.ts';
import type { Benchmark } from './benchmark.ts';

const AT_ONCE = 10;
const RESOURCES = 20_000;

const sizeOf = (member: number): SetSize => ({ name: `member-${member}-${RESOURCES}`, member, resources: RESOURCES });

export const members: Benchmark = {
  name: 'members',
  async measure(run) {
    const sets = await prepareAll(run);
    const [warmUp, alone, ...together] = sets;
    const { result, peakBytes } = await run.withPayer({ name: 'members', atOnce: AT_ONCE }, async (payer) => {
      // The first exchange of a process pays for compiling it.
      if (warmUp !== undefined) await run.exchangeAll(payer, [warmUp]);
      const one = await run.exchangeAll(payer, alone === undefined ? [] : [alone]);
      return { one, ten: await run.exchangeAll(payer, together) };
    });
    const one = RESOURCES / result.one.seconds;
    const ten = (RESOURCES * together.length) / result.ten.seconds;
    return {
      about: 'Ten members at a time against one, the same number of resources each.',
      inputs: { members: together.length, 'resources of each': RESOURCES },
      figures: [
        figure('one', one, 'resources/s'),
        figure('ten at a time', ten, 'resources/s'),
        figure('ten : one, speed', ten / one, 'ratio'),
        figure('peak memory of the worker', peakBytes / 1_000_000, 'MB'),
      ],
    };
  },
};

async function prepareAll(run: Run): Promise<readonly PreparedSet[]> {
  const sets: PreparedSet[] = [];
  for (let member = 0; member < AT_ONCE + 2; member++) sets.push(await run.prepare(sizeOf(member)));
  return sets;
}
