import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../temporal/bundle.ts';
import { connectTemporal } from '../../temporal/client.ts';
import { createDataConverter } from '../../temporal/data-converter.ts';
import { createExchanges } from '../../temporal/exchanges.ts';
import type { Exchanges } from '../../temporal/exchanges.ts';
import { createExportRuns } from '../../temporal/export-jobs.ts';
import type { ExportRuns } from '../../temporal/export-jobs.ts';
import type { TestTemporal } from './environment.ts';
import { exchangeWorkflowId } from '../../workflows/contract.ts';
import type { ExchangeLimits } from '../../workflows/contract.ts';
import type { Played } from './scripted-activities.ts';

export const QUICK_LIMITS: ExchangeLimits = {
  exportDeadlineMs: 60_000,
  pollFloorMs: 20,
  pollCeilingMs: 100,
  parallelFiles: 3,
  slotRetryMs: 20,
  retry: { initialMs: 10, maximumMs: 100, attempts: 4 },
};

// Failures of activities are what these tests are about; warnings of them say nothing.
Runtime.install({ logger: new DefaultLogger('ERROR') });

/** The real workflows on a real server, with the activities of a test. */
export interface WorkflowHost {
  readonly dataConverter: DataConverter;
  readonly exchanges: Exchanges;
  readonly exports: ExportRuns;
  handle(workflowId: string, runId?: string): WorkflowHandle;
  /** Starts the run of a scripted exchange and answers its handle. */
  invoke(
    played: Played,
    limits?: Partial<ExchangeLimits>,
    more?: { readonly skipMatch?: boolean },
  ): Promise<WorkflowHandle>;
  start(workflow: string, workflowId: string, ...args: unknown[]): Promise<WorkflowHandle>;
  stop(): Promise<void>;
}

export async function startWorkflowHost(temporal: TestTemporal, activities: object): Promise<WorkflowHost> {
  const { address, namespace, queues } = temporal;
  const dataConverter = createDataConverter([{ id: 'k1', key: randomBytes(32) }]);
  const connection = await NativeConnection.connect({ address });
  const shared = { connection, namespace, dataConverter, maxHeartbeatThrottleInterval: '50ms' } as const;
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue: queues.workflows,
      workflowBundle: await workflowBundle(path.resolve('.cache')),
      // Every task replays from the beginning, and what differs ends the run instead of repeating the task.
      maxCachedWorkflows: 0,
      workflowFailureErrorTypes: { '*': ['NondeterminismError'] },
    }),
    Worker.create({ ...shared, taskQueue: queues.peer, activities }),
    Worker.create({ ...shared, taskQueue: queues.transfer, activities }),
  ]);
  const runs = workers.map((worker) => worker.run());
  const { client, connection: clientConnection } = connectTemporal(temporal, dataConverter);
  const exchanges = createExchanges(client, queues);
  const handle = (workflowId: string, runId?: string): WorkflowHandle =>
    client.workflow.getHandle(workflowId, runId, { followRuns: runId === undefined });
  return {
    ...{ dataConverter, exchanges, exports: createExportRuns(client, queues), handle },
    async invoke({ id }, limits = {}, { skipMatch = false } = {}) {
      await exchanges.start({ taskId: id, payerPid: 1, skipMatch, limits: { ...QUICK_LIMITS, ...limits } });
      return handle(exchangeWorkflowId(id));
    },
    start: (workflow, workflowId, ...args) =>
      client.workflow.start(workflow, { workflowId, taskQueue: queues.workflows, args }),
    async stop() {
      for (const worker of workers) worker.shutdown();
      await Promise.all(runs);
      await clientConnection.close();
      await connection.close();
    },
  };
}
