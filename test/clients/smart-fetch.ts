import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../embedded/project-root.ts';
import { lastLine, runProgram } from '../../embedded/run-program.ts';
import type { ProgramResult } from '../../embedded/run-program.ts';

const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
/** The first installation downloads some 100 MB. */
const INSTALL_LIMIT_MS = 600_000;
const RUN_LIMIT_MS = 120_000;

/** Installs SMART's bulk client, as it comes, into an environment of its own. */
export async function installSmartFetch(): Promise<(args: readonly string[]) => Promise<ProgramResult>> {
  const folder = path.join(cacheFolder(), 'clients');
  mkdirSync(folder, { recursive: true });
  const bin = path.join(folder, 'venv', 'bin');
  if (!existsSync(path.join(bin, 'pip'))) await mustRun('python3', ['-m', 'venv', path.join(folder, 'venv')]);
  await mustRun(path.join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]);
  return (args) => runProgram(path.join(bin, 'smart-fetch'), args, RUN_LIMIT_MS);
}

async function mustRun(program: string, args: readonly string[]): Promise<void> {
  const ended = await runProgram(program, args, INSTALL_LIMIT_MS);
  if (ended.code !== 0) throw new Error(`smart-fetch could not be installed: ${lastLine(ended)}`);
}
