import { StartError } from '../embedded/start-error.ts';
import { ShutdownStack, StoppedError } from '../embedded/shutdown.ts';
import { createLogger } from '../logger.ts';
import type { Benchmark } from './benchmarks/benchmark.ts';
import { exportProfile, exportRecords, exportTwoMillion } from './benchmarks/export.ts';
import { floor } from './benchmarks/floor.ts';
import { hapi } from './benchmarks/hapi.ts';
import { importRecords } from './benchmarks/import.ts';
import { members } from './benchmarks/members.ts';
import { matchHundredThousand, matchMillion } from './benchmarks/match.ts';
import { importFiveGigabytes, memory } from './benchmarks/memory.ts';
import { profile } from './benchmarks/profile.ts';
import { publish, publishMillion } from './benchmarks/publish.ts';
import { unchanged } from './benchmarks/unchanged.ts';
import { createRun } from './imports.ts';
import { describeMachine } from './machine.ts';
import { createProgress } from './progress.ts';
import { keepResults, resultText } from './report.ts';
import type { Result } from './result.ts';
import { startServers } from './servers.ts';

/** In the order in which they run. */
const BENCHMARKS: readonly Benchmark[] = [
  ...[publish, importRecords, floor, memory, unchanged, members, exportRecords],
  ...[
    importFiveGigabytes,
    publishMillion,
    exportTwoMillion,
    hapi,
    profile,
    exportProfile,
    matchHundredThousand,
    matchMillion,
  ],
];

/** Runs the named benchmarks, or all that are not asked for by name alone; answers the exit code. */
export async function bench(names: readonly string[]): Promise<number> {
  const chosen = choose(names);
  const shutdown = new ShutdownStack(createLogger('error', (line) => void process.stderr.write(line)));
  shutdown.listen();
  const work = measureAll(chosen, shutdown);
  // Looked at below, whichever of the two comes first.
  work.catch(() => undefined);
  try {
    const stopped = shutdown.requested().then((reason) => reason ?? 'Stopped.');
    const reason = await Promise.race([work, stopped]);
    if (reason !== undefined) throw new StartError(reason);
    return 0;
  } catch (error) {
    if (error instanceof StoppedError) return 1;
    throw error;
  } finally {
    await shutdown.stop();
  }
}

function choose(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.filter((name) => BENCHMARKS.every((one) => one.name !== name));
  if (unknown.length > 0) {
    const known = BENCHMARKS.map(({ name, byNameOnly }) => `${name}${byNameOnly ? ' (by name only)' : ''}`);
    throw new StartError(`There is no benchmark ${unknown.join(', ')}: ${known.join(', ')}.`);
  }
  return BENCHMARKS.filter(({ name, byNameOnly }) => (names.length === 0 ? !byNameOnly : names.includes(name)));
}

async function measureAll(chosen: readonly Benchmark[], shutdown: ShutdownStack): Promise<undefined> {
  const progress = createProgress(process.stderr);
  const machine = describeMachine();
  const { cpu, cores, memoryGB, node, postgres } = machine;
  process.stdout.write(`${cores} cores of ${cpu}, ${memoryGB} GB, Node ${node}, Postgres ${postgres}\n\n`);
  const run = createRun(await startServers(shutdown, progress.say), progress);
  const results: Result[] = [];
  for (const { name, measure } of chosen) {
    const begun = Date.now();
    const result = { name, ...(await measure(run)) };
    results.push(result);
    progress.say(`${name}: ${Math.round((Date.now() - begun) / 1000)} s\n`);
    process.stdout.write(`${resultText(result)}\n`);
  }
  keepResults(machine, results);
}
