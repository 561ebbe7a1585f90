import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startChild } from '../../../embedded/child.ts';
import type { Child } from '../../../embedded/child.ts';
import { commandOf } from '../../../embedded/process-table.ts';

const root = path.resolve(import.meta.dirname, '../../..');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-child-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const inFolder = (name: string): string => path.join(folder, name);

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await delay(20);
  }
}

/** A program that tells when it runs and how it was ended. */
function start(script: string, graceSeconds = 10): Child {
  return startChild({
    command: process.execPath,
    args: ['-e', script],
    logFile: inFolder('log'),
    pidFile: inFolder('pid'),
    stopSignal: 'TERM',
    graceSeconds,
  });
}

async function runningPid(): Promise<number> {
  await until(
    () => existsSync(inFolder('log')) && readFileSync(inFolder('log'), 'utf8').includes('up'),
    'the program runs',
  );
  return Number(readFileSync(inFolder('pid'), 'utf8'));
}

const SAYS_BYE = `process.on('SIGTERM', () => { console.log('bye'); process.exit(3); }); setInterval(() => {}, 1000); console.log('up');`;
const DEAF = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up');`;

describe('a child', () => {
  it('is stopped by its signal and tells its exit code', async () => {
    const child = start(SAYS_BYE);
    await runningPid();
    await child.stop();
    await expect(child.exited).resolves.toBe(3);
    expect(readFileSync(inFolder('log'), 'utf8')).toContain('bye');
  });

  it('is killed when it does not end in time', async () => {
    const child = start(DEAF, 1);
    const pid = await runningPid();
    await child.stop();
    await expect(child.exited).resolves.toBe(137);
    expect(commandOf(pid)).toBeUndefined();
  });

  it('tells when it ends by itself', async () => {
    await expect(start('process.exit(7)').exited).resolves.toBe(7);
  });

  it('is gone at once when killed', async () => {
    const child = start(DEAF, 60);
    const pid = await runningPid();
    await child.kill();
    await until(() => commandOf(pid) === undefined, 'the program is gone');
  });

  it('keeps the log of the run before', async () => {
    writeFileSync(inFolder('log'), 'before');
    await start('process.exit(0)').exited;
    expect(readFileSync(inFolder('log.previous'), 'utf8')).toBe('before');
  });
});

describe('the child of a process', () => {
  /** Another process that starts a child by our code. */
  function startParent(): ReturnType<typeof spawn> {
    const options = {
      command: process.execPath,
      args: ['-e', SAYS_BYE],
      logFile: inFolder('log'),
      pidFile: inFolder('pid'),
      stopSignal: 'TERM',
      graceSeconds: 10,
    };
    const script = `
      const { startChild } = await import(${JSON.stringify(path.join(root, 'embedded/child.ts'))});
      startChild(${JSON.stringify(options)});
      process.on('SIGHUP', () => {});
      setInterval(() => {}, 1000);`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    return spawn(process.execPath, args, { cwd: root, detached: true, stdio: 'ignore' });
  }

  it('ends in order when that process is killed', async () => {
    const parent = startParent();
    const pid = await runningPid();
    parent.kill('SIGKILL');
    await until(() => commandOf(pid) === undefined, 'the program ends');
    expect(readFileSync(inFolder('log'), 'utf8')).toContain('bye');
  });

  it('does not hear a signal to the group of that process', async () => {
    const parent = startParent();
    const pid = await runningPid();
    if (parent.pid === undefined) throw new Error('The process was not started.');
    // It would end the program without a word.
    process.kill(-parent.pid, 'SIGHUP');
    parent.kill('SIGKILL');
    await until(() => commandOf(pid) === undefined, 'the program ends');
    expect(readFileSync(inFolder('log'), 'utf8')).toContain('bye');
  });
});
