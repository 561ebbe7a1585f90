import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../embedded/free-port.ts';
import { projectRoot } from '../../embedded/project-root.ts';
import { StartError } from '../../embedded/start-error.ts';

export interface DemoPayer {
  readonly name: string;
  readonly dataDir: string;
  readonly publicUrl: string;
  readonly fhirUrl: string;
  readonly swaggerUrl: string;
  readonly temporalUiUrl: string;
  /** Starts the payer as `npm start` does, and waits until it serves. */
  start(configuration: object): Promise<void>;
  /** Runs `npm run load` beside it. */
  load(folder: string): Promise<void>;
  stop(): Promise<void>;
  /** The operator's client id and secret, as the payer keeps them. */
  credentials(): { readonly id: string; readonly secret: string };
}

/** One payer of the demonstration: a program of its own, with data, servers and keys of its own. */
export async function demoPayer(name: string, folder: string): Promise<DemoPayer> {
  const dataDir = path.join(folder, name);
  mkdirSync(dataDir, { recursive: true });
  const [port, p2pPort, uiPort] = [await freePort(), await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${port}`;
  const configFile = path.join(folder, `${name}.config.json`);
  const environment = {
    ...{ DATA_DIR: dataDir, CONFIG_FILE: configFile, PORT: String(port), P2P_PORT: String(p2pPort) },
    ...{ TEMPORAL_UI_PORT: String(uiPort), LOG_LEVEL: 'warn' },
  };
  let running: ChildProcess | undefined;
  const kept = (file: string): string => readFileSync(path.join(dataDir, file), 'utf8').trim();
  return {
    ...{ name, dataDir, publicUrl, fhirUrl: `${publicUrl}/fhir` },
    swaggerUrl: `http://127.0.0.1:${p2pPort}/`,
    temporalUiUrl: `http://127.0.0.1:${uiPort}`,
    async start(configuration) {
      writeFileSync(configFile, JSON.stringify(configuration, null, 2), { mode: 0o600 });
      running = command('start', [], environment);
      await isReady(running, name);
    },
    load: (from) => ended(command('load', [from], environment), `npm run load for the ${name}`),
    async stop() {
      // One that a signal has ended has no exit code.
      if (running?.exitCode !== null || running.signalCode !== null) return;
      const end = new Promise((resolve) => running?.once('exit', resolve));
      running.kill('SIGTERM');
      await end;
    },
    credentials: () => ({ id: kept('admin-client-id'), secret: kept('admin-client-secret') }),
  };
}

function command(name: string, args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  const program = path.join(projectRoot(), 'cli', 'run.mjs');
  // A group of its own: Ctrl-C is the demonstration's to answer, which then stops each payer in order.
  return spawn('env', [...pairs(environment), process.execPath, program, name, ...args], {
    cwd: projectRoot(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

const pairs = (environment: Readonly<Record<string, string>>): string[] =>
  Object.entries(environment).map(([name, value]) => `${name}=${value}`);

function isReady(child: ChildProcess, name: string): Promise<void> {
  const said = lastLines(child);
  return new Promise((resolve, reject) => {
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('ready ')) resolve();
      });
    }
    child.once('exit', () => {
      reject(new StartError(`The ${name} did not start.\n${said()}`));
    });
  });
}

function ended(child: ChildProcess, what: string): Promise<void> {
  const said = lastLines(child);
  child.stdout?.resume();
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new StartError(`${what} failed.\n${said()}`));
    });
  });
}

const KEPT_LINES = 20;

function lastLines(child: ChildProcess): () => string {
  const lines: string[] = [];
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
    });
  }
  return () => lines.join('\n');
}
