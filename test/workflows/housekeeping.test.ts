import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { WORKFLOWS } from '../../workflows/contract.ts';
import { testTemporal } from '../support/environment.ts';
import { failing, failure } from '../support/scripted-activities.ts';
import { startWorkflowHost } from '../support/workflow-host.ts';
import type { WorkflowHost } from '../support/workflow-host.ts';

let host: WorkflowHost;
let calls: string[];
let sweep: () => Promise<void>;

beforeAll(async () => {
  host = await startWorkflowHost(testTemporal(), {
    async sweepTasks(): Promise<void> {
      calls.push('sweepTasks');
      await sweep();
    },
    async expireExports(): Promise<void> {
      calls.push('expireExports');
    },
    async settleRepetitions(): Promise<void> {
      calls.push('settleRepetitions');
    },
    async sweepNotifications(): Promise<void> {
      calls.push('sweepNotifications');
    },
  });
});
beforeEach(() => {
  calls = [];
  sweep = async () => undefined;
});
afterAll(() => host.stop());

const start = (): Promise<WorkflowHandle> => host.start(WORKFLOWS.housekeeping, `housekeeping-${randomUUID()}`);

describe('housekeeping', () => {
  it('settles the Tasks, takes expired exports away, settles repetitions and starts notifications', async () => {
    await (await start()).result();
    expect(calls).toEqual(['sweepTasks', 'expireExports', 'settleRepetitions', 'sweepNotifications']);
  });

  it('tries again what failed for a passing reason', async () => {
    sweep = failing(
      1,
      () => failure('internal'),
      () => undefined,
    );
    await (await start()).result();
    expect(calls).toEqual(['sweepTasks', 'sweepTasks', 'expireExports', 'settleRepetitions', 'sweepNotifications']);
  });

  it('goes on with the others where a Task cannot be settled, and does not hide that', async () => {
    sweep = async () => {
      throw failure('not-found');
    };
    await expect((await start()).result()).rejects.toThrow('Workflow execution failed');
    expect(calls).toEqual(['sweepTasks', 'expireExports', 'settleRepetitions', 'sweepNotifications']);
  });
});
