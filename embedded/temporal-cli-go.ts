import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { lastLine, runProgram } from './run-program.ts';

/** Later versions carry a `replace` directive, which `go install` refuses. */
const MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const LIMIT_MS = 1_200_000;

export async function installByGo(target: string, say: (line: string) => void): Promise<void> {
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(path.join(path.dirname(target), 'go-'));
  try {
    const version = await runProgram('go', ['version'], 30_000);
    if (version.code !== 0) throw new Error('there is no Go');
    say('Building it with Go takes some minutes …');
    const result = await runProgram('go', ['install', MODULE], LIMIT_MS, { env: { GOBIN: folder } });
    if (result.code !== 0) throw new Error(lastLine(result));
    renameSync(path.join(folder, 'temporal'), target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
