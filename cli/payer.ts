import { randomBytes } from 'node:crypto';
import express from 'express';
import { Pool } from 'pg';
import { assertBuilt } from '../config-unbuilt.ts';
import type { Config } from '../config.ts';
import { freePort } from '../embedded/free-port.ts';
import type { Infrastructure } from '../embedded/infrastructure.ts';
import { cacheFolder } from '../embedded/project-root.ts';
import type { Secrets } from '../embedded/secrets.ts';
import type { ShutdownStack } from '../embedded/shutdown.ts';
import type { Logger } from '../logger.ts';
import { workflowBundle } from '../temporal/bundle.ts';
import { connectTemporal } from '../temporal/client.ts';
import { createCodecRouter, tokenInPath } from '../temporal/codec-server.ts';
import { createCodec } from '../temporal/codec.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { installRuntime } from '../temporal/worker-runtime.ts';
import { DEFAULT_QUEUE_PREFIX, taskQueues } from '../workflows/contract.ts';
import { runWorkers } from '../worker.ts';
import { listen } from './http-server.ts';
import { loadOperatorModules } from './operator-modules.ts';
import { sdkMetrics, startMetricsServer } from './metrics-server.ts';
import type { MetricsSource } from './metrics-server.ts';
import { prepare, wire, wireActivities, wireApps } from './wiring.ts';
import type { Wiring } from './wiring.ts';

export interface PayerOptions {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly infrastructure: Infrastructure;
  readonly logger: Logger;
  readonly shutdown: ShutdownStack;
  readonly parts: readonly ('api' | 'worker')[];
  /** Opens the codec of the embedded server's Web UI, which can send nothing else. */
  readonly codecToken?: string;
}

/** Activities under way at a stop may go on for this long; then they go on at the next start. */
const WORKER_GRACE_MS = 20_000;
const POOL_SIZE = 20;

/** Starts the named parts of one payer in this process; each goes on the shutdown stack as soon as it runs. */
export async function startPayer(options: PayerOptions): Promise<void> {
  const { config, secrets, infrastructure, logger, shutdown, parts } = options;
  assertBuilt(config);
  const modules = await loadOperatorModules(config.file);
  const pool = new Pool({ connectionString: infrastructure.databaseUrl, max: POOL_SIZE });
  // An idle connection that Postgres closed; the pool makes a new one.
  pool.on('error', (error) => {
    logger.warn('database-connection-lost', { error });
  });
  await shutdown.add('pool', { stop: () => pool.end() });
  const temporal = connectTemporal(infrastructure.temporal, createDataConverter(secrets.encryptionKeys));
  await shutdown.add('temporal-connection', { stop: () => temporal.connection.close() });
  const wiring = wire({
    config,
    secrets,
    logger,
    pool,
    databaseUrl: infrastructure.databaseUrl,
    temporal,
    queues: taskQueues(DEFAULT_QUEUE_PREFIX),
    modules,
  });
  await shutdown.add('stores', { stop: () => wiring.close() });
  await prepare(wiring);
  const sources: MetricsSource[] = [() => Promise.resolve(wiring.withheld.text())];
  if (parts.includes('worker')) sources.push(...(await startWorkers(options, wiring)));
  if (config.metricsPort !== undefined) {
    await shutdown.add('metrics', await startMetricsServer(config, config.metricsPort, sources));
  }
  if (parts.includes('api')) await startApis(options, wiring);
}

async function startWorkers(options: PayerOptions, wiring: Wiring): Promise<MetricsSource[]> {
  const { config, secrets, infrastructure, logger, shutdown } = options;
  const metricsAddress = config.metricsPort === undefined ? undefined : `127.0.0.1:${await freePort()}`;
  installRuntime({ logger, level: config.logLevel, metricsAddress, otlpEndpoint: config.otlpEndpoint });
  const workers = await runWorkers({
    temporal: infrastructure.temporal,
    dataConverter: createDataConverter(secrets.encryptionKeys),
    bundle: await workflowBundle(cacheFolder()),
    queues: wiring.queues,
    activities: wireActivities(wiring),
    graceMs: WORKER_GRACE_MS,
  });
  await shutdown.add('workers', { stop: workers.stop, kill: () => Promise.resolve() });
  shutdown.watch(workers.finished, 'A Temporal worker ended by itself.');
  return metricsAddress === undefined ? [] : [sdkMetrics(metricsAddress)];
}

async function startApis(options: PayerOptions, wiring: Wiring): Promise<void> {
  const { config, shutdown } = options;
  const { host, port, p2pPort } = config;
  const apps = await wireApps(wiring);
  const p2p = options.codecToken === undefined ? apps.p2p : withCodec(options, options.codecToken, apps.p2p);
  await shutdown.add('p2p-api', await listen(p2p, { variable: 'P2P_PORT', host, port: p2pPort }));
  await shutdown.add('fhir-api', await listen(apps.fhir, { variable: 'PORT', host, port }));
}

export function newCodecToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Where the Web UI of the embedded server, in a browser on this machine, has payloads decrypted. */
export function codecEndpoint(config: Config, token: string): string {
  const host = ['0.0.0.0', '::'].includes(config.host) ? '127.0.0.1' : config.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${config.p2pPort}/temporal-codec/${token}`;
}

function withCodec({ config, secrets }: PayerOptions, token: string, p2p: express.Express): express.Express {
  const { uiPort } = config.temporal;
  const app = express();
  app.disable('x-powered-by');
  app.use(
    '/temporal-codec/:token',
    createCodecRouter({
      codec: createCodec(secrets.encryptionKeys),
      origins: [`http://127.0.0.1:${uiPort}`, `http://localhost:${uiPort}`],
      isAuthorized: tokenInPath(token),
    }),
  );
  app.use(p2p);
  return app;
}
