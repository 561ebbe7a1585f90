import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../embedded/project-root.ts';
import { startProgram } from './program.ts';
import type { Servers } from './servers.ts';

export interface WorkerProcess {
  /** Resident memory once it was ready, before its first exchange. */
  readonly idleBytes: number;
  /** Ends it; answers the most memory that it ever had resident. */
  stop(): Promise<number>;
}

export interface WorkerOptions {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where its CPU profiles go; without it, it is not profiled. */
  readonly profiles?: string;
}

const ON_LINUX = process.platform === 'linux';

/** As the script of package.json and the image have it. */
const SCRIPT_ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
const SCRIPT_OPTIONS = ['--v8-pool-size=1', '--max-semi-space-size=4'];

/** `npm run worker`, as an operator starts it. */
export async function startWorkerProcess(
  { folder, children }: Servers,
  { name, environment, profiles }: WorkerOptions,
): Promise<WorkerProcess> {
  const file = path.join(folder, name);
  const peakFile = `${file}.peak`;
  const program = await startProgram({
    args: [
      ...(profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profiles]),
      ...(ON_LINUX ? [] : ['--import', peakKeeper(peakFile)]),
      ...[...SCRIPT_OPTIONS, path.join(projectRoot(), 'cli', 'run.mjs'), 'worker'],
    ],
    env: { ...SCRIPT_ENVIRONMENT, ...environment },
    file,
    ready: /"event":"ready"/,
  });
  children.add(program);
  return {
    idleBytes: ON_LINUX ? memoryOf(program.pid, 'VmRSS') : 0,
    async stop() {
      const peak = ON_LINUX ? memoryOf(program.pid, 'VmHWM') : 0;
      await program.stop();
      children.delete(program);
      return existsSync(peakFile) ? Number(readFileSync(peakFile, 'utf8')) : peak;
    },
  };
}

function peakKeeper(file: string): string {
  const module = pathToFileURL(path.join(import.meta.dirname, 'keep-peak-memory.mjs'));
  module.searchParams.set('file', file);
  return module.href;
}

/** In bytes (proc_pid_status(5)). */
function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
}
