import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { freePort } from './free-port.ts';
import { initialiseCluster } from './postgres-initdb.ts';
import { postgresAccount } from './postgres-account.ts';
import type { PostgresAccount } from './postgres-account.ts';
import { findPostgresPrograms } from './postgres-programs.ts';
import type { PostgresPrograms } from './postgres-programs.ts';
import { endLeftover } from './process-table.ts';
import { keptText } from './kept-file.ts';
import { StartError } from './start-error.ts';

export interface PostgresOptions {
  /** DATA_DIR: data in `postgres/`, password in `postgres.password`, log in `postgres.log`. */
  readonly dataDir: string;
  /** Made if missing. */
  readonly database: string;
  /** False only where the data may be lost (tests). */
  readonly durable?: boolean;
}

export interface EmbeddedPostgres {
  readonly url: string;
  readonly exited: Promise<number>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Crash recovery after a kill may take its time. */
const START_DEADLINE_MS = 300_000;

/*
 * The log keeps what the server says about itself (level LOG) and nothing about statements: those hold PHI.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  jit: 'off',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length_on_error: '0',
  log_checkpoints: 'off',
  logging_collector: 'off',
};

const UNSAFE_AND_QUICK: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

/**
 * Starts the Postgres of this DATA_DIR and waits until it answers.
 *
 * @throws StartError when it cannot run here or ends at once
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const programs = findPostgresPrograms();
  const dataDir = path.resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  // Only a folder that others may pass through can hold the data of another user; what lies in it is closed itself.
  if (process.getuid?.() === 0) chmodSync(dataDir, 0o711);
  const account = postgresAccount(programs.postgres, dataDir);
  const password = keptText(path.join(dataDir, 'postgres.password'), () => randomBytes(24).toString('base64url'));
  const cluster = path.join(dataDir, 'postgres');
  if (!existsSync(cluster)) createCluster(programs, account, cluster, password, options.durable ?? true);
  await endFormerPostmaster(cluster);
  const server = await launch({ programs, account, cluster, password, dataDir, durable: options.durable ?? true });
  const url = (database: string): string => databaseUrl(password, server.port, database);
  await createDatabase(url('postgres'), options.database);
  const { exited, stop, kill } = server.child;
  return { url: url(options.database), exited, stop, kill };
}

/** The database of a payer that runs on this DATA_DIR at this moment, for programs beside it. */
export async function findRunningPostgres(dataDir: string, database: string): Promise<string | undefined> {
  const passwordFile = path.join(dataDir, 'postgres.password');
  const port = postmasterFile(path.join(dataDir, 'postgres'))?.port;
  if (port === undefined || !existsSync(passwordFile)) return undefined;
  const url = databaseUrl(readFileSync(passwordFile, 'utf8').trim(), port, database);
  return (await answers(url)) ? url : undefined;
}

function databaseUrl(password: string, port: number, database: string): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
}

/** A kill in the middle leaves `postgres.new` only: the name `postgres` means complete. */
function createCluster(
  programs: PostgresPrograms,
  account: PostgresAccount,
  cluster: string,
  password: string,
  durable: boolean,
): void {
  const draft = `${cluster}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  if (account.owner !== undefined) chownSync(draft, account.owner.uid, account.owner.gid);
  initialiseCluster({ programs, account, folder: draft, password, durable });
  renameSync(draft, cluster);
}

interface Launch {
  readonly programs: PostgresPrograms;
  readonly account: PostgresAccount;
  readonly cluster: string;
  readonly password: string;
  readonly dataDir: string;
  readonly durable: boolean;
}

/** Tries again while a killed run's last processes still hold its memory, or somebody else was quicker at the port. */
async function launch(how: Launch): Promise<{ child: Child; port: number }> {
  const logFile = path.join(how.dataDir, 'postgres.log');
  const deadline = Date.now() + START_DEADLINE_MS;
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = startPostmaster(how, port, logFile);
    const url = databaseUrl(how.password, port, 'postgres');
    const state: { ended: boolean } = { ended: false };
    void child.exited.then(() => (state.ended = true));
    while (!state.ended && Date.now() < deadline) {
      if (await answers(url)) return { child, port };
      await delay(50);
    }
    await child.stop();
    if (attempt >= 20 || Date.now() >= deadline) {
      throw new StartError(`The embedded Postgres did not start: see ${logFile}.`);
    }
    await delay(500);
  }
}

function startPostmaster(how: Launch, port: number, logFile: string): Child {
  const settings = { ...SETTINGS, ...(how.durable ? {} : UNSAFE_AND_QUICK) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, ...args] = [...how.account.prefix, how.programs.postgres, '-D', how.cluster, '-p', String(port)];
  const { uid, gid } = how.account;
  return startChild({ command, args: [...args, ...flags], logFile, stopSignal: 'INT', graceSeconds: 30, uid, gid });
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    // Not listening yet, or still recovering.
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function createDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

/** Written by Postgres: process id in the first line, port in the fourth. */
function postmasterFile(cluster: string): { pid: number; port: number } | undefined {
  const file = path.join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]) };
}

/** After a kill -9 of ours the former server is on its way down, or its process id belongs to somebody else by now. */
async function endFormerPostmaster(cluster: string): Promise<void> {
  const pid = postmasterFile(cluster)?.pid;
  if (pid === undefined || !(pid > 0)) return;
  await endLeftover(pid, (command) => command.includes(cluster), 'SIGINT', 30_000);
  rmSync(path.join(cluster, 'postmaster.pid'), { force: true });
}
