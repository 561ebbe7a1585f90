import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../embedded/free-port.ts';
import { commandOf } from '../../embedded/process-table.ts';

const root = path.resolve(import.meta.dirname, '../..');
const DEADLINE_MS = 90_000;

interface Run {
  readonly npm: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exit: Promise<number | null>;
}

let folder: string;
let env: Record<string, string | undefined>;
const runs: Run[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-start-'));
  chmodSync(folder, 0o711);
  const [port, p2pPort, uiPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const ports = { PORT: String(port), P2P_PORT: String(p2pPort), TEMPORAL_UI_PORT: String(uiPort) };
  env = { ...process.env, ...ports, DATA_DIR: folder, CONFIG_FILE: '' };
});

afterEach(async () => {
  for (const run of runs.splice(0)) {
    killGroup(run.npm, 'SIGKILL');
    await run.exit;
  }
  await until(() => servers().every((pid) => commandOf(pid) === undefined), 'the servers end');
  rmSync(folder, { recursive: true, force: true });
});

function start(): Run {
  const npm = spawn('npm', ['start'], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  npm.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  npm.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => npm.once('close', resolve));
  const run = { npm, stdout: () => stdout, stderr: () => stderr, exit };
  runs.push(run);
  return run;
}

async function startReady(): Promise<Run> {
  const run = start();
  await until(() => run.stdout().includes('\nready ') || run.npm.exitCode !== null, 'the payer is ready');
  expect(run.stderr()).not.toContain('Error');
  expect(run.stdout()).toContain('\nready ');
  return run;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await delay(50);
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) throw new Error('npm was not started.');
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

const payerPid = (): number => Number(readFileSync(path.join(folder, 'carryover.pid'), 'utf8'));

/** The embedded servers of the folder, where they have been started and not yet ended. */
function servers(): number[] {
  return ['postgres/postmaster.pid', 'temporal.pid'].flatMap((name) => {
    try {
      return [Number(readFileSync(path.join(folder, name), 'utf8').split('\n')[0])];
    } catch {
      // Not there, or removed by the server that ends.
      return [];
    }
  });
}

describe('npm start', () => {
  it('says once that it is ready, when all its ports answer', async () => {
    const run = await startReady();
    const { PORT, P2P_PORT, TEMPORAL_UI_PORT } = env;
    const lines = run
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('ready '));
    expect(lines).toEqual([`ready http://127.0.0.1:${PORT}/fhir`]);
    for (const port of [PORT, P2P_PORT, TEMPORAL_UI_PORT]) {
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBeLessThan(500);
    }
  }, 120_000);

  it('refuses a second payer on the same DATA_DIR, and leaves the first one alone', async () => {
    await startReady();
    const second = start();
    expect(await second.exit).toBe(1);
    expect(second.stderr()).toContain(`Another payer (process ${payerPid()}) runs on ${folder}`);
    expect(commandOf(payerPid())).toBeDefined();
  }, 120_000);

  it.each([
    ['SIGTERM to the process of carryover.pid', () => process.kill(payerPid(), 'SIGTERM')],
    ['SIGTERM to npm', (run: Run) => run.npm.kill('SIGTERM')],
    ['Ctrl-C', (run: Run) => killGroup(run.npm, 'SIGINT')],
  ])(
    'ends in order and leaves no process behind after %s',
    async (_name, signal) => {
      const run = await startReady();
      const pids = [payerPid(), ...servers()];
      expect(pids).toHaveLength(3);
      signal(run);
      expect(await run.exit).toBe(0);
      expect(pids.filter((pid) => commandOf(pid) !== undefined)).toEqual([]);
      expect(existsSync(path.join(folder, 'carryover.pid'))).toBe(false);
    },
    120_000,
  );

  it('starts again after it was killed with all it had started', async () => {
    const killed = await startReady();
    for (const pid of servers()) process.kill(pid, 'SIGKILL');
    killGroup(killed.npm, 'SIGKILL');
    await killed.exit;
    await startReady();
  }, 180_000);

  it('stops with one sentence for each wrong variable', async () => {
    env = { ...env, P2P_PORT: 'eighty', LOG_LEVEL: 'loud' };
    const run = start();
    expect(await run.exit).toBe(1);
    expect(run.stderr()).toContain(
      'P2P_PORT is "eighty"; accepted: a port number from 1 to 65535.\nLOG_LEVEL is "loud"',
    );
  });
});
