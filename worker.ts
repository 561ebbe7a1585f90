import { NativeConnection, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import { connectionOptions, namespaceOf } from './temporal/client.ts';
import type { TemporalTarget } from './temporal/client.ts';
import type { TaskQueues } from './workflows/contract.ts';

export interface WorkerDeps {
  readonly temporal: TemporalTarget;
  readonly dataConverter: DataConverter;
  readonly bundle: { readonly codePath: string };
  readonly queues: TaskQueues;
  /** Every activity by its name. */
  readonly activities: object;
  /** How long activities may go on after a stop; then they are cancelled and go on at the next start. */
  readonly graceMs: number;
}

export interface RunningWorkers {
  /** Rejects when a worker ends by itself. */
  readonly finished: Promise<void>;
  /** Takes no new work, waits for what runs, closes the connection. */
  stop(): Promise<void>;
}

/** Requests to partners wait more than they work; files and records keep a core busy. */
const PEER_ACTIVITIES = 100;
const TRANSFER_ACTIVITIES = 8;

/** Runs in memory; another one is read again from its history when it goes on. Else the heap's limit would tell how many. */
const CACHED_WORKFLOWS = 40;

/** Ids and counts are small: a larger payload means that somebody passed a resource. */
const PAYLOAD_WARN_BYTES = 16_384;

/** The three workers of a process, on one connection. */
export async function runWorkers(deps: WorkerDeps): Promise<RunningWorkers> {
  const connection = await NativeConnection.connect({
    ...connectionOptions(deps.temporal),
    payloadLimits: { payloadsWarnSize: PAYLOAD_WARN_BYTES },
  });
  const shared: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace: namespaceOf(deps.temporal),
    dataConverter: deps.dataConverter,
    // A cancellation arrives with a heartbeat: by default they are held back for 80 % of their time limit.
    maxHeartbeatThrottleInterval: '2s',
    shutdownGraceTime: deps.graceMs,
    shutdownForceTime: deps.graceMs + 10_000,
  };
  const { activities, queues } = deps;
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue: queues.workflows,
      workflowBundle: deps.bundle,
      maxCachedWorkflows: CACHED_WORKFLOWS,
    }),
    Worker.create({
      ...shared,
      taskQueue: queues.peer,
      activities,
      maxConcurrentActivityTaskExecutions: PEER_ACTIVITIES,
    }),
    Worker.create({
      ...shared,
      taskQueue: queues.transfer,
      activities,
      maxConcurrentActivityTaskExecutions: TRANSFER_ACTIVITIES,
    }),
  ]);
  const runs = workers.map((worker) => worker.run());
  const finished = Promise.all(runs).then(() => undefined);
  // Whoever started us may look at it only later.
  finished.catch(() => undefined);
  return {
    finished,
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.allSettled(runs);
      await connection.close();
    },
  };
}
