import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hasCode } from './error-code.ts';
import { commandOf } from './process-table.ts';
import { StartError } from './start-error.ts';

/**
 * One payer on one DATA_DIR: writes `carryover.pid`.
 *
 * @returns removes the file again
 * @throws StartError while another one lives there
 */
export function lockDataDir(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = path.join(dataDir, 'carryover.pid');
  for (;;) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
      return () => {
        rmSync(file, { force: true });
      };
    } catch (err) {
      if (!hasCode(err, 'EEXIST')) throw err;
      const pid = Number(readFileSync(file, 'utf8'));
      if (isPayer(pid)) {
        throw new StartError(
          `Another payer (process ${pid}) runs on ${dataDir}: stop it, or set DATA_DIR to another folder.`,
        );
      }
      // Left by one that was killed.
      rmSync(file, { force: true });
    }
  }
}

/** A process id is given anew after a while, in a container to ourselves. */
function isPayer(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false;
  return /\b(run\.mjs|start\.[jt]s)\b/.test(commandOf(pid) ?? '');
}
