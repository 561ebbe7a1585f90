import { spawn } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../embedded/project-root.ts';
import { TEST_REQUIREMENTS } from './test-requirements.ts';

/** All tests that can run here; what cannot is named first, so that the runner's summary comes last. */
async function main(args: readonly string[]): Promise<void> {
  const left = args.includes('--selectProjects') ? [] : await unrunnableProjects();
  const choice = left.length === 0 ? [] : ['--ignoreProjects', ...left];
  const jest = path.join(projectRoot(), 'node_modules', 'jest', 'bin', 'jest.js');
  const flags = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning', jest, '--passWithNoTests'];
  const run = spawn(process.execPath, [...flags, ...args, ...choice], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => run.kill(signal));
  run.once('exit', (code) => {
    process.exit(code ?? 1);
  });
}

async function unrunnableProjects(): Promise<string[]> {
  const left: string[] = [];
  for (const { project, missing } of TEST_REQUIREMENTS) {
    const reason = await missing();
    if (reason === undefined) continue;
    left.push(project);
    process.stderr.write(`not run: the tests in test/${project} (${reason})\n`);
  }
  return left;
}

await main(process.argv.slice(2));
