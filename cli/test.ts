import { spawn } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../embedded/project-root.ts';
import { exitCodeOf, testRequirements, THIS_MACHINE } from './test-requirements.ts';
import type { Missing } from './test-requirements.ts';

/** Tests that cannot run for want of a program make the run fail. */
const REQUIRE_PROGRAMS = '--require-programs';

interface Unrunnable extends Missing {
  readonly project: string;
}

/** All tests that can run here; what cannot is named first, so that the runner's summary comes last. */
async function main(given: readonly string[]): Promise<void> {
  const args = given.filter((arg) => arg !== REQUIRE_PROGRAMS);
  const left = args.includes('--selectProjects') ? [] : await unrunnableProjects();
  const choice = left.length === 0 ? [] : ['--ignoreProjects', ...left.map(({ project }) => project)];
  const jest = path.join(projectRoot(), 'node_modules', 'jest', 'bin', 'jest.js');
  const flags = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning', jest, '--passWithNoTests'];
  const run = spawn(process.execPath, [...flags, ...args, ...choice], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => run.kill(signal));
  run.once('exit', (code) => {
    process.exit(exitCodeOf(code, left, given.includes(REQUIRE_PROGRAMS)));
  });
}

async function unrunnableProjects(): Promise<readonly Unrunnable[]> {
  const left: Unrunnable[] = [];
  for (const { project, missing } of testRequirements(THIS_MACHINE)) {
    const reason = await missing();
    if (reason === undefined) continue;
    left.push({ project, ...reason });
    process.stderr.write(`not run: the tests in test/${project} (${reason.what})\n`);
  }
  return left;
}

await main(process.argv.slice(2));
