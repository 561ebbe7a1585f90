import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import { assertBuilt } from '../config-unbuilt.ts';
import type { Config } from '../config.ts';
import type { Infrastructure } from '../embedded/infrastructure.ts';
import type { Secrets } from '../embedded/secrets.ts';
import type { ShutdownStack } from '../embedded/shutdown.ts';
import type { Logger } from '../logger.ts';
import { databaseSocket } from '../store/postgres/reading-socket.ts';
import { connectTemporal } from '../temporal/client.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { DEFAULT_QUEUE_PREFIX, taskQueues } from '../workflows/contract.ts';
import { loadOperatorModules } from './operator-modules.ts';
import { startMetricsServer } from './metrics-server.ts';
import type { MetricsSource } from './metrics-server.ts';
import { prepare, wire } from './wiring.ts';

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

const POOL_SIZE = 20;

/** Starts the named parts of one payer in this process; each goes on the shutdown stack as soon as it runs. */
export async function startPayer(options: PayerOptions): Promise<void> {
  const { config, secrets, infrastructure, logger, shutdown, parts } = options;
  assertBuilt(config);
  const modules = await loadOperatorModules(config.file);
  // A worker makes texts of most of what it reads: nothing passes through it.
  const socket = parts.includes('api') ? { stream: databaseSocket } : {};
  const pool = new Pool({ connectionString: infrastructure.databaseUrl, max: POOL_SIZE, ...socket });
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
  // A process has in memory what its parts need, and no more.
  if (parts.includes('worker')) {
    const { startWorkers } = await import('./start-workers.ts');
    sources.push(...(await startWorkers(options, wiring)));
  }
  if (config.metricsPort !== undefined) {
    await shutdown.add('metrics', await startMetricsServer(config, config.metricsPort, sources));
  }
  if (parts.includes('api')) {
    const { startApis } = await import('./start-apis.ts');
    await startApis(options, wiring);
  }
}

export function newCodecToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Where the Web UI of the embedded server, in a browser on this machine, has payloads decrypted. */
export function codecEndpoint(config: Config, token: string): string {
  const host = ['0.0.0.0', '::'].includes(config.host) ? '127.0.0.1' : config.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${config.p2pPort}/temporal-codec/${token}`;
}
