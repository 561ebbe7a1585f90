import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Task } from 'fhir/r4.js';
import { Client } from 'pg';
import { freePort } from '../../../embedded/free-port.ts';
import { DATABASE_NAME } from '../../../embedded/infrastructure.ts';
import { findRunningPostgres } from '../../../embedded/postgres.ts';

const OPERATOR = { id: 'operator', secret: 'operator-secret-of-crash-tests' };

/** A payer as an operator runs it: `npm start`'s program, with Postgres and Temporal as its children. */
export interface PayerProcess {
  start(): Promise<void>;
  /** SIGKILL for the program and everything that it started. */
  killEverything(): Promise<void>;
  /** SIGKILL for the program alone. */
  killProgram(): Promise<void>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
  /** Processes of this payer that are alive. */
  alive(): number[];
  ask(
    method: string,
    at: string,
    body?: string,
  ): Promise<{ readonly status: number; readonly text: string; readonly location: string }>;
  /** The answer as it comes, of a path below the FHIR base or of a whole URL. */
  get(at: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  task(location: string): Promise<Task>;
  query<T extends object>(sql: string): Promise<T[]>;
  remove(): void;
}

export async function payerProcess(
  configuration: object,
  more: Readonly<Record<string, string>> = {},
): Promise<PayerProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'carryover-crash-'));
  const dataDir = path.join(folder, 'data');
  const configFile = path.join(folder, 'config.json');
  writeFileSync(configFile, JSON.stringify(configuration));
  const [port, p2pPort, uiPort] = [await freePort(), await freePort(), await freePort()];
  const environment = {
    ...{ ...process.env, DATA_DIR: dataDir, CONFIG_FILE: configFile, LOG_LEVEL: 'warn' },
    ...{ PORT: String(port), P2P_PORT: String(p2pPort), TEMPORAL_UI_PORT: String(uiPort) },
    ...{ ADMIN_CLIENT_ID: OPERATOR.id, ADMIN_CLIENT_SECRET: OPERATOR.secret },
    ...more,
  };
  const base = `http://127.0.0.1:${port}`;
  let program: ChildProcess | undefined;
  let known: number[] = [];
  const started = (): ChildProcess => {
    if (program === undefined) throw new Error('not started');
    return program;
  };
  const gone = (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
      else child.once('exit', (code) => resolve(code));
    });
  const payer: PayerProcess = {
    async start() {
      program = spawn(process.execPath, ['cli/run.mjs', 'start'], {
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await ready(program);
      known = descendants(program.pid ?? 0);
    },
    async killEverything() {
      const child = started();
      for (const pid of descendants(child.pid ?? 0)) kill(pid);
      await gone(child);
      await until(() => known.every((pid) => !isAlive(pid)));
    },
    async killProgram() {
      const child = started();
      child.kill('SIGKILL');
      await gone(child);
    },
    async stop() {
      const child = started();
      child.kill('SIGTERM');
      return gone(child);
    },
    alive: () => known.filter(isAlive),
    async ask(method, at, body) {
      const response = await fetch(`${base}/fhir/${at}`, {
        method,
        headers: { authorization: `Bearer ${await token(base)}`, 'content-type': 'application/fhir+json' },
        ...(body !== undefined && { body }),
      });
      const location = response.headers.get('content-location') ?? '';
      return { status: response.status, text: await response.text(), location };
    },
    async get(at, headers = {}) {
      const url = at.startsWith('http') ? at : `${base}/fhir/${at}`;
      return fetch(url, { headers: { ...headers, authorization: `Bearer ${await token(base)}` } });
    },
    async task(location) {
      return JSON.parse((await payer.ask('GET', location)).text) as Task;
    },
    async query<T extends object>(sql: string): Promise<T[]> {
      const client = new Client({ connectionString: await findRunningPostgres(dataDir, DATABASE_NAME) });
      await client.connect();
      try {
        return (await client.query<T>(sql)).rows;
      } finally {
        await client.end();
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  return payer;
}

/** The program and everything below it, by the table of processes. */
function descendants(root: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number));
  const found = [root];
  for (const parent of found) found.push(...pairs.filter(([, ppid]) => ppid === parent).map(([pid]) => pid ?? 0));
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended with its parent.
  }
}

function isAlive(pid: number): boolean {
  const state = execFileSync('sh', ['-c', `ps -o stat= -p ${pid} || true`], { encoding: 'utf8' }).trim();
  return state !== '' && !state.startsWith('Z');
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 30));
}

function ready(child: ChildProcess): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString('utf8').includes('ready ')) resolve();
    });
    child.stderr?.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString('utf8')}`.slice(-4000)));
    child.once('exit', () => reject(new Error(`the payer did not start: ${said}`)));
  });
}

async function token(base: string): Promise<string> {
  const response = await fetch(`${base}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${OPERATOR.id}:${OPERATOR.secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.cruds carryover.admin' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}
