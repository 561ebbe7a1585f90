import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { freePort, isPortFree } from './free-port.ts';
import { endLeftover } from './process-table.ts';
import { StartError } from './start-error.ts';

export interface TemporalServerOptions {
  /** Path of the `temporal` program. */
  readonly program: string;
  /** DATA_DIR: state in `temporal.db`, process id in `temporal.pid`, log in `temporal.log`. */
  readonly dataDir: string;
  readonly namespace: string;
  /** Port of the Web UI; without one there is no UI. */
  readonly uiPort?: number;
  /** Where the UI sends payloads to be decrypted. */
  readonly codecEndpoint?: string;
  /** Names and types (Keyword, Text, Int, Double, Bool, Datetime, KeywordList) to register. */
  readonly searchAttributes: Readonly<Record<string, string>>;
  /** Server settings: key and JSON value. */
  readonly dynamicConfig?: Readonly<Record<string, string>>;
}

export interface EmbeddedTemporal {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string | undefined;
  readonly exited: Promise<number>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const START_DEADLINE_MS = 120_000;
const STOP_GRACE_SECONDS = 15;

/** A step of a run is several commits: with a log that is written ahead each of them waits for the disk once. */
const PRAGMAS = { journal_mode: 'wal', synchronous: 'full' };

/**
 * Starts the Temporal server of this DATA_DIR and waits until its namespace answers.
 *
 * @throws StartError when the UI port is taken or the server does not come up
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<EmbeddedTemporal> {
  const dataDir = path.resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const database = path.join(dataDir, 'temporal.db');
  await endFormerServer(path.join(dataDir, 'temporal.pid'), database);
  if (options.uiPort !== undefined && !(await isPortFree(options.uiPort, '127.0.0.1'))) {
    throw new StartError(`TEMPORAL_UI_PORT ${options.uiPort} is in use by another program: set it to a free port.`);
  }
  const { child, address } = await launch(options, dataDir, database);
  return {
    address,
    namespace: options.namespace,
    uiUrl: options.uiPort === undefined ? undefined : `http://127.0.0.1:${options.uiPort}`,
    exited: child.exited,
    stop: child.stop,
    kill: child.kill,
  };
}

/** Tries again where somebody else was quicker at one of its ports. */
async function launch(
  options: TemporalServerOptions,
  dataDir: string,
  database: string,
): Promise<{ child: Child; address: string }> {
  const logFile = path.join(dataDir, 'temporal.log');
  const deadline = Date.now() + START_DEADLINE_MS;
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = startChild({
      command: options.program,
      args: serverArguments(options, database, port),
      logFile,
      stopSignal: 'TERM',
      graceSeconds: STOP_GRACE_SECONDS,
      pidFile: path.join(dataDir, 'temporal.pid'),
      // Its own configuration files are the operator's, for other servers.
      env: { HOME: dataDir },
    });
    const address = `127.0.0.1:${port}`;
    const state: { ended: boolean } = { ended: false };
    void child.exited.then(() => (state.ended = true));
    while (!state.ended && Date.now() < deadline) {
      if ((await answers(address, options.namespace)) && (await uiAnswers(options.uiPort))) return { child, address };
      await delay(50);
    }
    await child.stop();
    if (attempt >= 5 || Date.now() >= deadline) {
      throw new StartError(`The embedded Temporal server did not start: see ${logFile}.`);
    }
    await delay(500);
  }
}

function serverArguments(options: TemporalServerOptions, database: string, port: number): string[] {
  const ui =
    options.uiPort === undefined
      ? ['--headless']
      : ['--ui-port', String(options.uiPort), ...uiCodec(options.codecEndpoint)];
  const pairs = (flag: string, values: Readonly<Record<string, string>> = {}): string[] =>
    Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${value}`]);
  return [
    ...['server', 'start-dev', '--log-level', 'error', '--ip', '127.0.0.1', '--port', String(port)],
    ...['--db-filename', database, '--namespace', options.namespace],
    ...pairs('--sqlite-pragma', PRAGMAS),
    ...ui,
    ...pairs('--search-attribute', options.searchAttributes),
    ...pairs('--dynamic-config-value', options.dynamicConfig),
  ];
}

function uiCodec(endpoint: string | undefined): string[] {
  return endpoint === undefined ? [] : ['--ui-codec-endpoint', endpoint];
}

async function answers(address: string, namespace: string): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: 2000 });
    await connection.workflowService.describeNamespace({ namespace });
    return true;
  } catch {
    // Not listening yet, or its namespace is not there yet.
    return false;
  } finally {
    await connection?.close();
  }
}

async function uiAnswers(port: number | undefined): Promise<boolean> {
  if (port === undefined) return true;
  try {
    await (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5000) })).body?.cancel();
    return true;
  } catch {
    // Not listening yet.
    return false;
  }
}

/** After a kill -9 of ours the former server is on its way down and still holds the database. */
async function endFormerServer(pidFile: string, database: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  if (!(pid > 0)) return;
  await endLeftover(pid, (command) => command.includes(database), 'SIGTERM', STOP_GRACE_SECONDS * 1000);
}
