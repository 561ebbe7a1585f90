import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { demoPayer } from '../../cli/demo/demo-payer.ts';
import { eventually } from '../support/eventually.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'carryover-'));

/** Also when it has ended, until whoever started it is told. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a payer of the demonstration', () => {
  it('is stopped when somebody has killed it before', async () => {
    const payer = await demoPayer('old-payer', folder);
    await payer.start({});
    const pid = Number(readFileSync(path.join(payer.dataDir, 'carryover.pid'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await eventually(() => (isThere(pid) ? undefined : true), 'its end is noticed');
    await expect(payer.stop()).resolves.toBeUndefined();
  }, 60_000);
});
