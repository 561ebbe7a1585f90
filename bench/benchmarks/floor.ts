import { Pool } from 'pg';
import type { PreparedSet } from '../data.ts';
import type { Run } from '../imports.ts';
import { figure, megabytes } from '../result.ts';
import { copyKeptRows, keptRows } from '../rows.ts';
import { largeSet } from '../sets.ts';
import type { Benchmark } from './benchmark.ts';

const DATABASE = 'floor';

/** No import into these tables can be faster: the rows are there, and nothing is done but to hand them to Postgres. */
export const floor: Benchmark = {
  name: 'floor',
  async measure(run) {
    const set = await run.prepare(await largeSet(run));
    const seconds = await floorSeconds(run, set);
    return {
      about: '`COPY FROM STDIN` of the final rows that an import of these records leaves, all columns and indexes.',
      inputs: { resources: set.resources, MB: Math.round(megabytes(set.bytes)) },
      figures: [figure('COPY', set.resources / seconds, 'resources/s'), figure('COPY, time', seconds, 's')],
    };
  },
};

/** Measured once in a run: `import` is compared with it. */
export function floorSeconds(run: Run, set: PreparedSet): Promise<number> {
  return run.once('floor', () => measureFloor(run, set));
}

async function measureFloor(run: Run, set: PreparedSet): Promise<number> {
  if (keptRows(set) === undefined) await run.importOf(await largeSet(run));
  const { servers, progress } = run;
  const pool = new Pool({ connectionString: await servers.createDatabase(DATABASE), max: 1 });
  pool.on('error', () => undefined);
  await servers.checkpoint();
  const client = await pool.connect();
  try {
    const begun = Date.now();
    const look = (): Promise<string> =>
      Promise.resolve(`floor: COPY of ${set.resources} rows, ${Math.round((Date.now() - begun) / 1000)} s`);
    return await progress.during(look, () => copyKeptRows(client, keptRows(set) ?? ''));
  } finally {
    client.release();
    await pool.end();
    await servers.dropDatabase(DATABASE);
  }
}
