import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { readAddPayerTask } from '../../../fhir/add-payer-task.ts';
import { createOutbox } from '../../../store/outbox.ts';
import type { Outbox } from '../../../store/outbox.ts';
import { createExchangeStore } from '../../../store/exchanges.ts';
import { createTaskStore } from '../../../store/tasks.ts';
import type { TaskStore } from '../../../store/tasks.ts';
import { notificationActivities } from '../../../cli/wire-notifications.ts';
import { addPayerTask } from '../../support/add-payer.ts';
import { startHookReceiver } from '../../support/hook-receiver.ts';
import type { HookReceiver } from '../../support/hook-receiver.ts';
import { notificationsOf, QUICK_NOTIFICATIONS, settled, subscription } from '../../support/notifications.ts';
import { reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { TestPayer } from '../../support/payer.ts';

let receiver: HookReceiver;
let payer: TestPayer;
let subscriptionId: string;
/** As in a process that dies when the Task has been committed: nobody is told that there is something to deliver. */
let dying: Outbox;

const storeWith = (outbox: Outbox): TaskStore => createTaskStore(payer.wiring.prisma, payer.wiring.seal, outbox);
async function post(outbox: Outbox): Promise<string> {
  const text = addPayerTask();
  const { task } = await storeWith(outbox).post({ text, request: readAddPayerTask(text), postedBy: 'operator' });
  return task.id;
}
const rowsOf = (taskId: string) => notificationsOf(payer, `task=${taskId}`);
const sweep = (): Promise<void> =>
  new MockActivityEnvironment().run(notificationActivities(payer.wiring, () => Promise.resolve()).sweepNotifications);
const age = (taskId: string, interval: string): Promise<unknown> =>
  payer.wiring.pool.query(
    `UPDATE notification SET created_at = created_at - $2::interval, settled_at = settled_at - $2::interval
     WHERE task_id = $1`,
    [taskId, interval],
  );

beforeAll(async () => {
  receiver = await startHookReceiver();
  payer = await startTestPayer(await reserveAddress(), {
    notifications: { ...QUICK_NOTIFICATIONS, privateHosts: [receiver.host] },
  });
  const body = JSON.stringify(subscription(receiver.url, { criteria: 'Task' }));
  subscriptionId = (await payer.ask('POST', 'Subscription', body)).json<{ id: string }>().id;
  dying = createOutbox(payer.wiring.seal, () => Promise.resolve());
});
afterAll(async () => {
  await payer.stop();
  await receiver.close();
});

describe('what is to be told of a Task', () => {
  it('is delivered once the sweep finds that the process died before it could be', async () => {
    const taskId = await post(dying);
    expect((await rowsOf(taskId)).map(({ state }) => state)).toEqual(['pending', 'pending']);
    await age(taskId, '1 minute');
    await sweep();
    await settled(payer, { taskId, receiver: new RegExp(subscriptionId), state: 'delivered' });
    expect(receiver.taken(taskId)).toEqual(['requested']);
  });

  it('is left to the one who wrote it for a moment', async () => {
    const taskId = await post(dying);
    await sweep();
    expect((await rowsOf(taskId)).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['pending', 0],
      ['pending', 0],
    ]);
  });

  it('is not there where the Task is not', async () => {
    const before = (await notificationsOf(payer, 'count=1000')).length;
    const failing: Outbox = {
      ...dying,
      async add(transaction, task) {
        await dying.add(transaction, task);
        throw new Error('the process dies before the commit');
      },
    };
    await expect(post(failing)).rejects.toThrow('before the commit');
    expect((await notificationsOf(payer, 'count=1000')).length).toBe(before);
  });

  it('is one event for each version that was written, whoever wrote it', async () => {
    const { prisma, seal } = payer.wiring;
    const exchanges = createExchangeStore(prisma, seal, dying);
    const { taskId } = await exchanges.open({
      ...{ payerPid: 1, organizationId: 'old-plan', localPatientId: 'p1', warnings: [] },
      request: { exportEntries: [], member: { id: 'there' } },
    });
    await exchanges.setActive(taskId, false);
    const tasks = storeWith(payer.wiring.notification.outbox);
    const at = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
    const step = { status: 'in-progress', businessStatus: 'download' };
    expect(await tasks.record(taskId, { ...step, orderedAt: at(2) })).toBe(true);
    // A step that was ordered earlier changes nothing, so that there is nothing to tell.
    expect(await tasks.record(taskId, { ...step, status: 'accepted', orderedAt: at(1) })).toBe(false);
    expect(await tasks.record(taskId, { status: 'failed', businessStatus: 'download', orderedAt: at(3) })).toBe(true);
    await settled(payer, { taskId, receiver: new RegExp(subscriptionId), state: 'delivered', count: 3 });
    expect(receiver.taken(taskId)).toEqual(['requested', 'in-progress', 'failed']);
  });

  it('that was delivered a month ago is forgotten', async () => {
    const taskId = await post(payer.wiring.notification.outbox);
    await settled(payer, { taskId, receiver: new RegExp(subscriptionId), state: 'delivered' });
    await settled(payer, { taskId, receiver: /^task-mail$/, state: 'delivered' });
    await age(taskId, '31 days');
    await sweep();
    expect(await rowsOf(taskId)).toEqual([]);
  });
});
