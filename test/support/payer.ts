import path from 'node:path';
import { randomBytes } from 'node:crypto';
import type { Task } from 'fhir/r4.js';
import { Pool } from 'pg';
import { loadOperatorModules } from '../../cli/operator-modules.ts';
import { wireActivities } from '../../cli/wire-activities.ts';
import { wireApps } from '../../cli/wire-apps.ts';
import { prepare, wire } from '../../cli/wiring.ts';
import type { Wiring } from '../../cli/wiring.ts';
import { loadConfig } from '../../config.ts';
import { freePort } from '../../embedded/free-port.ts';
import type { EncryptionKey } from '../../seal.ts';
import { createLogger } from '../../logger.ts';
import { databaseSocket } from '../../store/postgres/reading-socket.ts';
import { workflowBundle } from '../../temporal/bundle.ts';
import { connectTemporal } from '../../temporal/client.ts';
import { createDataConverter } from '../../temporal/data-converter.ts';
import { runWorkers } from '../../worker.ts';
import { installQuietRuntime } from './quiet-runtime.ts';
import { createTestDatabase, testTemporal } from './environment.ts';
import { listen } from '../../cli/http-server.ts';

/** A whole payer in this process, on a database and queues of its own: its APIs over HTTP, its workers. */
export interface TestPayer {
  readonly publicUrl: string;
  readonly fhirUrl: string;
  readonly p2pUrl: string;
  readonly wiring: Wiring;
  readonly logLines: readonly string[];
  /** One request as the operator. */
  ask(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<Answer>;
  /** A token of any client of this payer. */
  token(clientId: string, clientSecret: string, scope: string): Promise<string>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  json<T = Record<string, unknown>>(): T;
}

export const OPERATOR = { id: 'operator', secret: 'operator-secret-of-tests' };

/** Addresses come first: the other payer's configuration names them. */
export async function reserveAddress(): Promise<{ readonly port: number; readonly publicUrl: string }> {
  const port = await freePort();
  return { port, publicUrl: `http://127.0.0.1:${port}` };
}

export async function startTestPayer(
  address: { readonly port: number; readonly publicUrl: string },
  configuration: object,
  keys: readonly EncryptionKey[] = [{ id: 'k1', key: randomBytes(32) }],
  environment: Readonly<Record<string, string>> = {},
  tokenSeconds?: number,
): Promise<TestPayer> {
  const p2pPort = await freePort();
  const config = loadConfig(
    {
      ...{ PORT: String(address.port), P2P_PORT: String(p2pPort), CONFIG_FILE: 'test.config.json', LOG_LEVEL: 'debug' },
      ...environment,
    },
    () => JSON.stringify(configuration),
  );
  installQuietRuntime();
  const database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url, max: 10, stream: databaseSocket });
  const temporal = testTemporal();
  const dataConverter = createDataConverter(keys);
  const logLines: string[] = [];
  const wiring = wire({
    ...{ config, pool, databaseUrl: database.url, queues: temporal.queues },
    secrets: { adminClientId: OPERATOR.id, adminClientSecret: OPERATOR.secret, encryptionKeys: keys },
    logger: createLogger('debug', (line) => logLines.push(line)),
    temporal: connectTemporal(temporal, dataConverter),
    modules: await loadOperatorModules(config.file),
    ...(tokenSeconds !== undefined && { tokenSeconds }),
  });
  await prepare(wiring);
  const workers = await runWorkers({
    ...{ temporal, dataConverter, queues: temporal.queues, activities: wireActivities(wiring), graceMs: 500 },
    bundle: await workflowBundle(path.resolve('.cache')),
  });
  const apps = await wireApps(wiring);
  const fhir = await listen(apps.fhir, { variable: 'PORT', host: '127.0.0.1', port: address.port });
  const p2p = await listen(apps.p2p, { variable: 'P2P_PORT', host: '127.0.0.1', port: p2pPort });
  const token = (id: string, secret: string, scope: string): Promise<string> =>
    requestToken(address.publicUrl, id, secret, scope);
  return {
    ...{ publicUrl: address.publicUrl, fhirUrl: `${address.publicUrl}/fhir`, p2pUrl: `http://127.0.0.1:${p2pPort}` },
    ...{ wiring, logLines, token },
    async ask(method, at, body, headers = {}) {
      const bearer = await token(OPERATOR.id, OPERATOR.secret, 'system/*.cruds carryover.admin');
      return answerOf(
        await fetch(at.startsWith('http') ? at : `${address.publicUrl}/fhir/${at}`, {
          method,
          headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json', ...headers },
          ...(body !== undefined && { body }),
        }),
      );
    },
    async stop() {
      await fhir.stop();
      await p2p.stop();
      await workers.stop();
      await wiring.temporal.connection.close();
      await wiring.close();
      await pool.end();
      await database.drop();
    },
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T };
}

async function requestToken(publicUrl: string, id: string, secret: string, scope: string): Promise<string> {
  const response = await fetch(`${publicUrl}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Follows a Task until it has ended. */
export async function taskOf(payer: TestPayer, location: string): Promise<Task> {
  for (;;) {
    const task = (await payer.ask('GET', location)).json<Task>();
    if (['completed', 'failed', 'cancelled'].includes(task.status)) return task;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
