import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './project-root.ts';
import { lastLine, runProgram } from './run-program.ts';

/** No byte within this time: the SDK's source is not reachable from here. */
const STALL_MS = 15_000;
const LIMIT_MS = 600_000;

/*
 * The SDK downloads only on the way to starting a server, and cannot be told to give up: so it does both in a process
 * of its own.
 */
const SCRIPT = `
import { TestWorkflowEnvironment } from '@temporalio/testing';
const executable = { type: 'cached-download', downloadDir: process.argv[1] };
const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
await environment.teardown();
`;

export async function downloadBySdk(target: string): Promise<void> {
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(path.join(path.dirname(target), 'sdk-'));
  try {
    const args = ['--input-type=module', '-e', SCRIPT, folder];
    const result = await runProgram(process.execPath, args, LIMIT_MS, {
      cwd: projectRoot(),
      giveUp: stallDetector(folder),
    });
    const file = downloaded(folder);
    if (file === undefined) throw new Error(result.code === undefined ? 'no answer in time' : lastLine(result));
    renameSync(file, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function downloaded(folder: string): string | undefined {
  const name = readdirSync(folder).find((file) => !file.endsWith('.downloading'));
  return name === undefined ? undefined : path.join(folder, name);
}

function stallDetector(folder: string): () => boolean {
  let size = -1;
  let changedAt = Date.now();
  return () => {
    if (!existsSync(folder) || downloaded(folder) !== undefined) return false;
    const now = readdirSync(folder).reduce((sum, file) => sum + statSync(path.join(folder, file)).size, 0);
    if (now !== size) changedAt = Date.now();
    size = now;
    return Date.now() - changedAt > STALL_MS;
  };
}
