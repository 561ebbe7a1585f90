import { freePort } from '../embedded/free-port.ts';
import { cacheFolder } from '../embedded/project-root.ts';
import { workflowBundle } from '../temporal/bundle.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { installRuntime } from '../temporal/worker-runtime.ts';
import { runWorkers } from '../worker.ts';
import { sdkMetrics } from './metrics-server.ts';
import type { MetricsSource } from './metrics-server.ts';
import type { PayerOptions } from './payer.ts';
import { wireActivities } from './wire-activities.ts';
import type { Wiring } from './wiring.ts';

/** Activities under way at a stop may go on for this long; then they go on at the next start. */
const WORKER_GRACE_MS = 20_000;

export async function startWorkers(options: PayerOptions, wiring: Wiring): Promise<MetricsSource[]> {
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
