import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createNotificationRuns } from '../../temporal/notifications.ts';
import type { NotificationRuns } from '../../temporal/notifications.ts';
import { connectTemporal } from '../../temporal/client.ts';
import type { TemporalClient } from '../../temporal/client.ts';
import { notificationWorkflowId } from '../../workflows/contract.ts';
import { testTemporal } from '../support/environment.ts';
import { failure, until } from '../support/scripted-activities.ts';
import { startWorkflowHost } from '../support/workflow-host.ts';
import type { WorkflowHost } from '../support/workflow-host.ts';

type Lane = Parameters<NotificationRuns['deliver']>[0];

/** One lane: what waits, and what became of it, in order. */
interface Played {
  readonly waiting: string[];
  readonly calls: string[];
  deliver: (id: string) => Promise<void>;
}

const RETRY = { initialMs: 10, maximumMs: 50, attempts: 3 };
const played = new Map<string, Played>();
let host: WorkflowHost;
let temporal: TemporalClient;
let runs: NotificationRuns;

const ownerOf = (id: string): Played | undefined => [...played.values()].find(({ waiting }) => waiting[0] === id);

beforeAll(async () => {
  const target = testTemporal();
  host = await startWorkflowHost(target, {
    nextNotification: async ({ taskId }: Lane) => played.get(taskId)?.waiting[0] ?? null,
    async deliverNotification(id: string) {
      const own = ownerOf(id);
      own?.calls.push(`try ${id}`);
      await own?.deliver(id);
      own?.waiting.shift();
    },
    async giveUpNotification(id: string) {
      const own = ownerOf(id);
      own?.calls.push(`give up ${id}`);
      own?.waiting.shift();
    },
  });
  temporal = connectTemporal(target, host.dataConverter);
  runs = createNotificationRuns(temporal.client, target.queues, RETRY);
});
afterAll(async () => {
  await temporal.connection.close();
  await host.stop();
});

function play(...waiting: string[]): Played & { readonly lane: Lane } {
  const lane = { taskId: randomUUID(), channel: 'rest-hook' as const, receiver: 's' };
  const own = { waiting, calls: [], deliver: async () => undefined };
  played.set(lane.taskId, own);
  return Object.assign(own, { lane });
}
const ended = (lane: Lane): Promise<unknown> => host.handle(notificationWorkflowId(lane)).result();

describe('the run of a receiver', () => {
  it('delivers one after the other, in their order', async () => {
    const own = play('1a', '1b', '1c');
    await runs.deliver(own.lane);
    await ended(own.lane);
    expect(own.calls).toEqual(['try 1a', 'try 1b', 'try 1c']);
  });

  it('tries as often as it is told, gives up, and goes on with the next', async () => {
    const own = play('2a', '2b');
    own.deliver = async (id) => {
      if (id === '2a') throw failure('notification-failed');
    };
    await runs.deliver(own.lane);
    await ended(own.lane);
    expect(own.calls).toEqual(['try 2a', 'try 2a', 'try 2a', 'give up 2a', 'try 2b']);
  });

  it('gives up at once what is refused for good', async () => {
    const own = play('3a');
    own.deliver = async () => {
      throw failure('notification-refused');
    };
    await runs.deliver(own.lane);
    await ended(own.lane);
    expect(own.calls).toEqual(['try 3a', 'give up 3a']);
  });

  it('takes up what comes while it is at work, without a second run', async () => {
    const own = play('4a');
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    own.deliver = async (id) => {
      if (id === '4a') await held;
    };
    await runs.deliver(own.lane);
    await until(() => own.calls.length === 1, 'the first try');
    const { runId } = await host.handle(notificationWorkflowId(own.lane)).describe();
    own.waiting.push('4b');
    await runs.deliver(own.lane);
    release();
    await ended(own.lane);
    expect(own.calls).toEqual(['try 4a', 'try 4b']);
    expect((await host.handle(notificationWorkflowId(own.lane)).describe()).runId).toBe(runId);
  });

  it('is left alone by the sweep where it runs, and started where it does not', async () => {
    const own = play('5a');
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    own.deliver = () => held;
    await runs.resume(own.lane);
    await runs.resume(own.lane);
    release();
    await ended(own.lane);
    expect(own.calls).toEqual(['try 5a']);
    own.waiting.push('5b');
    await runs.resume(own.lane);
    await ended(own.lane);
    expect(own.calls).toEqual(['try 5a', 'try 5b']);
  });

  it('that an operator cancels gives nothing up', async () => {
    const own = play('6a');
    own.deliver = async () => {
      throw failure('notification-failed', 60_000);
    };
    await runs.deliver(own.lane);
    await until(() => own.calls.length === 1, 'the first try');
    await host.handle(notificationWorkflowId(own.lane)).cancel();
    await expect(ended(own.lane)).rejects.toThrow(/cancelled/i);
    expect([own.calls, own.waiting]).toEqual([['try 6a'], ['6a']]);
  });
});
