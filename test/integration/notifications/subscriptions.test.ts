import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, OperationOutcome, Subscription, Task } from 'fhir/r4.js';
import { seedSubscription } from '../../../cli/wire-notifications.ts';
import { createDataConverter } from '../../../temporal/data-converter.ts';
import { postAddPayer } from '../../support/add-payer.ts';
import { eventually } from '../../support/eventually.ts';
import { startHookReceiver } from '../../support/hook-receiver.ts';
import type { HookReceiver } from '../../support/hook-receiver.ts';
import { notificationsOf, QUICK_NOTIFICATIONS, sendAgain, settled, subscription } from '../../support/notifications.ts';
import { payloadsOf, valueOf } from '../../support/histories.ts';
import { reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { Answer, TestPayer } from '../../support/payer.ts';

const KEYS = [{ id: 'k1', key: randomBytes(32) }];
const SECRET = 'Bearer only-the-receiver-knows';

let receiver: HookReceiver;
let payer: TestPayer;
let made: string[] = [];

const post = (body: object): Promise<Answer> => payer.ask('POST', 'Subscription', JSON.stringify(body));
async function subscribe(more: object = {}, channel: object = {}): Promise<Subscription & { id: string }> {
  const answer = await post(subscription(`${receiver.url}/hook`, more, channel));
  expect(answer.status).toBe(201);
  const created = answer.json<Subscription & { id: string }>();
  made.push(created.id);
  return created;
}
const read = async (id: string): Promise<Subscription> =>
  (await payer.ask('GET', `Subscription/${id}`)).json<Subscription>();
const moveOn = async (task: Task, status: string): Promise<Task> => {
  const answer = await payer.ask('PUT', `Task/${task.id ?? ''}`, JSON.stringify({ ...task, status }));
  expect(answer.status).toBe(200);
  return answer.json<Task>();
};

beforeAll(async () => {
  receiver = await startHookReceiver();
  const configuration = {
    notifications: { ...QUICK_NOTIFICATIONS, privateHosts: [receiver.host] },
    oidcClients: [
      { clientId: 'partner', name: 'Partner', clientSecret: 'secret-of-partner', scopes: 'system/*.cruds' },
    ],
  };
  payer = await startTestPayer(await reserveAddress(), configuration, KEYS);
});
afterEach(async () => {
  for (const id of made) await payer.ask('DELETE', `Subscription/${id}`);
  made = [];
});
afterAll(async () => {
  await payer.stop();
  await receiver.close();
});

describe('the Subscription that every payer has', () => {
  it('is there from the start: a rest-hook on Task to our own P2P port', async () => {
    const bundle = (await payer.ask('GET', 'Subscription?status=active&criteria=Task')).json<Bundle<Subscription>>();
    expect(bundle.entry?.map(({ resource }) => resource)).toEqual([
      expect.objectContaining({
        ...{ id: 'task-mail', status: 'active', criteria: 'Task?status=requested,completed,failed' },
        channel: {
          ...{ type: 'rest-hook', endpoint: `${payer.p2pUrl}/notifications`, payload: 'application/fhir+json' },
          header: ['Authorization: ********'],
        },
      }),
    ]);
  });

  it('is made once, and one that is off stays off', async () => {
    const seeded = await read('task-mail');
    const put = (change: object): Promise<Answer> =>
      payer.ask('PUT', 'Subscription/task-mail', JSON.stringify({ ...seeded, ...change }));
    expect((await put({ status: 'off' })).status).toBe(200);
    await seedSubscription(payer.wiring);
    expect(await read('task-mail')).toMatchObject({ status: 'off', meta: { versionId: '2' } });
    expect((await put({ status: 'requested' })).json<Subscription>().status).toBe('active');
  });

  it('leads to the P2P port that there is now', async () => {
    const { config, notification } = payer.wiring;
    await seedSubscription({ notification, config: { ...config, p2pUrl: 'http://127.0.0.1:9' } });
    expect((await read('task-mail')).channel.endpoint).toBe('http://127.0.0.1:9/notifications');
    await seedSubscription(payer.wiring);
    expect((await read('task-mail')).channel.endpoint).toBe(`${payer.p2pUrl}/notifications`);
  });

  it('alone is heard there', async () => {
    const { id } = await postAddPayer(payer);
    await settled(payer, { taskId: id, receiver: /^task-mail$/, state: 'delivered' });
    for (const authorization of ['Bearer guessed', '']) {
      const headers = { authorization, 'content-type': 'application/fhir+json' };
      const response = await fetch(`${payer.p2pUrl}/notifications/Task/${id}`, { method: 'PUT', headers, body: '{}' });
      expect(response.status).toBe(401);
    }
  });
});

describe('a Subscription', () => {
  it('is active once it is requested, and shows no secret of its headers', async () => {
    const header = [`Authorization: ${SECRET}`, 'X-Tenant: 7'];
    const created = await subscribe({}, { header });
    expect(created).toMatchObject({
      ...{ status: 'active', meta: { versionId: '1' } },
      channel: { header: ['Authorization: ********', 'X-Tenant: ********'] },
    });
    const { rows } = await payer.wiring.pool.query<{ row: string; resource: Buffer }>(
      `SELECT s::text AS row, resource FROM subscription s`,
    );
    expect(rows.filter(({ row, resource }) => row.includes(SECRET) || resource.includes(SECRET))).toEqual([]);
  });

  it('keeps the secrets of headers that are put back as they were read', async () => {
    const { id, ...created } = await subscribe({}, { header: [`Authorization: ${SECRET}`] });
    const put = await payer.ask('PUT', `Subscription/${id}`, JSON.stringify({ ...created, id, reason: 'another' }));
    expect([put.status, put.json<Subscription>().meta?.versionId]).toEqual([200, '2']);
    const task = await postAddPayer(payer);
    await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'delivered' });
    expect(receiver.events.at(-1)?.headers.authorization).toBe(SECRET);
  });

  it.each<[string, object, object, string]>([
    ['on another type', { criteria: 'Patient?name=x' }, {}, 'Subscription.criteria'],
    ['without reason', { reason: undefined }, {}, 'Subscription.reason'],
    ['with a state that is ours to give', { status: 'error' }, {}, 'Subscription.status'],
    ['by e-mail', {}, { type: 'email' }, 'Subscription.channel.type'],
    ['with XML', {}, { payload: 'application/fhir+xml' }, 'Subscription.channel.payload'],
    ['with a header of two lines', {}, { header: ['X-A: b\r\nX-C: d'] }, 'Subscription.channel.header[0]'],
    ['with a header that is ours', {}, { header: ['Host: other'] }, 'Subscription.channel.header[0]'],
    ['with a hidden value that was never there', {}, { header: ['A: ********'] }, 'Subscription.channel.header'],
    [
      'to a private address that nobody listed',
      {},
      { endpoint: 'https://10.0.0.1/x' },
      'Subscription.channel.endpoint',
    ],
    ['to a private name', {}, { endpoint: 'https://localhost/x' }, 'Subscription.channel.endpoint'],
    ['without TLS', {}, { endpoint: 'http://example.org/x' }, 'Subscription.channel.endpoint'],
    ['with credentials in the URL', {}, { endpoint: 'https://a:b@example.org' }, 'Subscription.channel.endpoint'],
    ['to nowhere', {}, { endpoint: undefined }, 'Subscription.channel.endpoint'],
    ['that ends at no instant', { end: 'never' }, {}, 'Subscription.end'],
  ])('is refused %s', async (_what, more, channel, expression) => {
    const answer = await post(subscription(`${receiver.url}/hook`, more, channel));
    expect([answer.status, answer.json<OperationOutcome>().issue[0]?.expression]).toEqual([422, [expression]]);
  });

  it('is refused with criteria that are not supported, by their name', async () => {
    const answer = await post(subscription(`${receiver.url}/hook`, { criteria: 'Task?status=failed&priority=stat' }));
    expect(answer.json<OperationOutcome>().issue[0]?.diagnostics).toContain('priority is not supported');
  });

  it('is searched, replaced under a version, and deleted', async () => {
    const { id } = await subscribe();
    const found = (await payer.ask('GET', `Subscription?_id=${id}`)).json<Bundle>();
    expect([found.total, found.entry?.[0]?.resource?.id]).toEqual([1, id]);
    expect((await payer.ask('GET', 'Subscription?url=x')).status).toBe(400);
    const body = JSON.stringify({ ...subscription(`${receiver.url}/hook`), id });
    expect((await payer.ask('PUT', `Subscription/${id}`, body, { 'if-match': 'W/"7"' })).status).toBe(412);
    expect((await payer.ask('DELETE', `Subscription/${id}`)).status).toBe(204);
    expect((await payer.ask('GET', `Subscription/${id}`)).status).toBe(404);
    expect((await payer.ask('PUT', `Subscription/${id}`, body)).status).toBe(201);
    made.push(id);
  });

  it('is the operator’s alone, whatever else a client may', async () => {
    const authorization = `Bearer ${await payer.token('partner', 'secret-of-partner', 'system/*.cruds')}`;
    for (const [method, at] of [
      ...([
        ['GET', 'Subscription'],
        ['POST', 'Subscription'],
        ['GET', 'Subscription/task-mail'],
      ] as const),
      ...([
        ['DELETE', 'Subscription/task-mail'],
        ['GET', 'Subscription/task-mail/_history'],
      ] as const),
    ]) {
      expect((await payer.ask(method, at, method === 'POST' ? '{}' : undefined, { authorization })).status).toBe(403);
    }
  });
});

describe('an event', () => {
  it('brings the Task as an update below the endpoint, version by version, in their order', async () => {
    const { id } = await subscribe();
    const task = await postAddPayer(payer);
    await moveOn(await moveOn(task, 'accepted'), 'completed');
    await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'delivered', count: 3 });
    expect(receiver.taken(task.id)).toEqual(['requested', 'accepted', 'completed']);
    expect(receiver.events.at(-1)).toMatchObject({
      ...{ method: 'PUT', path: `/hook/Task/${task.id}` },
      headers: { 'content-type': 'application/fhir+json' },
    });
  });

  it('without a payload is an empty POST to the endpoint', async () => {
    const { id } = await subscribe({}, { payload: undefined });
    const task = await postAddPayer(payer);
    await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'delivered' });
    expect(receiver.events.at(-1)).toMatchObject({ method: 'POST', path: '/hook', body: '' });
  });

  it('reaches those whose criteria hold, and no other', async () => {
    const [wanted, other] = [
      await subscribe({ criteria: 'Task?status=accepted' }),
      await subscribe({ criteria: 'Task?patient=p2' }),
    ];
    const ended = await subscribe({ end: '2020-01-01T00:00:00Z' });
    const off = await subscribe({ status: 'off' });
    const task = await postAddPayer(payer);
    await moveOn(task, 'accepted');
    await settled(payer, { taskId: task.id, receiver: new RegExp(wanted.id), state: 'delivered' });
    const receivers = (await notificationsOf(payer, `task=${task.id}`)).map(({ receiver: to }) => to);
    expect(receivers.filter((to) => to === wanted.id)).toHaveLength(1);
    expect(receivers.filter((to) => [other.id, ended.id, off.id].includes(to))).toEqual([]);
    expect([ended.status, off.status]).toEqual(['off', 'off']);
  });

  it('is tried again where the receiver fails twice', async () => {
    const { id } = await subscribe();
    receiver.answer(500, 500);
    const task = await postAddPayer(payer);
    const [told] = await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'delivered' });
    expect([told?.attempts, told?.code, receiver.taken(task.id)]).toEqual([3, null, ['requested']]);
  });

  it('is laid aside where the receiver is down for ever, and is sent again by the operator', async () => {
    const { id } = await subscribe();
    await receiver.close();
    const task = await postAddPayer(payer);
    const [dead] = await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'failed' });
    expect(dead).toMatchObject({ attempts: 4, code: 'notification-failed', answer: null });
    expect(
      await eventually(async () => ((await read(id)).status === 'error' ? read(id) : undefined), 'error'),
    ).toMatchObject({
      status: 'error',
      error: expect.stringContaining('could not be delivered'),
    });
    await receiver.open();
    expect((await sendAgain(payer, dead?.id ?? '')).status).toBe(202);
    await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'delivered' });
    expect(receiver.taken(task.id)).toEqual(['requested']);
    await eventually(async () => ((await read(id)).status === 'active' ? true : undefined), 'active');
    expect((await sendAgain(payer, dead?.id ?? '')).status).toBe(409);
  });

  it('that was laid aside does not hold up the next ones', async () => {
    const { id } = await subscribe();
    receiver.answer(400, 401, 404, 503);
    const task = await postAddPayer(payer);
    const [dead] = await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'failed' });
    expect(dead?.answer).toBe(503);
    await moveOn(task, 'accepted');
    await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'delivered' });
    expect(receiver.taken(task.id)).toEqual(['accepted']);
    const drop = (): Promise<Answer> => payer.ask('DELETE', `${payer.p2pUrl}/api/notifications/${dead?.id ?? ''}`);
    expect([(await drop()).status, (await drop()).status]).toEqual([204, 404]);
  });

  it('is kept sealed, and is forgotten when it has been told', async () => {
    const { id } = await subscribe();
    await receiver.close();
    const task = await postAddPayer(payer);
    await settled(payer, { taskId: task.id, receiver: new RegExp(id), state: 'failed' });
    const contents = async () =>
      (
        await payer.wiring.pool.query<{ content: Buffer | null; state: string }>(
          'SELECT content, state FROM notification WHERE task_id = $1',
          [task.id],
        )
      ).rows;
    const [delivered, failed] = ['delivered', 'failed'].map(
      (state) => async () => (await contents()).filter((row) => row.state === state).map(({ content }) => content),
    );
    expect(await delivered?.()).toEqual([null]);
    expect((await failed?.())?.map((content) => content?.includes('OnlyAnnKnows'))).toEqual([false]);
    await receiver.open();
  });

  it('leaves nothing of the member in logs and histories', async () => {
    const task = await postAddPayer(payer);
    await settled(payer, { taskId: task.id, receiver: /^task-mail$/, state: 'delivered' });
    const { workflow } = payer.wiring.temporal.client;
    const history = await workflow.getHandle(`notification/${task.id}/rest-hook/task-mail`).fetchHistory();
    const values = await Promise.all(
      payloadsOf(history).map(({ payload }) => valueOf(payload, createDataConverter(KEYS))),
    );
    expect(JSON.stringify(values)).toContain(task.id);
    expect(JSON.stringify(values)).not.toMatch(/OnlyAnnKnows|member\.example|New Plan/);
    expect(payer.logLines.join('')).not.toContain('OnlyAnnKnows');
  });
});
