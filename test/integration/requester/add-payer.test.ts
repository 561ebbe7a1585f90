import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, OperationOutcome, Task } from 'fhir/r4.js';
import { reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { Answer, TestPayer } from '../../support/payer.ts';

const CODES = 'http://payer-to-payer-exchange/CodeSystem/p2p-internal-codes';
const EXAMPLE = readFileSync('test/fixtures/vendor/add-payer-task.json', 'utf8');
const SECRET = 'secret-of-clients-0123456789';

let payer: TestPayer;

/** The published example with the values that a portal would fill in. */
const filled = (more: object = {}, time = new Date().toISOString()): string => {
  const text = EXAMPLE.replaceAll('<Patient_ID>', 'p1')
    .replaceAll('<Organization_ID>', 'new-plan')
    .replaceAll('<Task_Creation_Date_Time>', time)
    .replaceAll('<Task_Last_Updated_Date_Time>', time)
    .replaceAll('<member_email_address>', 'ann@member.example');
  return JSON.stringify({ ...(JSON.parse(text) as object), ...more });
};
const post = (body: string, headers?: Record<string, string>): Promise<Answer> =>
  payer.ask('POST', 'Task', body, headers);
const put = (task: Task, change: object, headers?: Record<string, string>): Promise<Answer> =>
  payer.ask('PUT', `Task/${task.id ?? ''}`, JSON.stringify({ ...task, ...change }), headers);
const posted = async (): Promise<Task> => (await post(filled())).json<Task>();
const as = async (client: string, scope: string): Promise<Record<string, string>> => ({
  authorization: `Bearer ${await payer.token(client, SECRET, scope)}`,
});
const expressionOf = (answer: Answer): string | undefined =>
  answer.json<OperationOutcome & { issue: { expression?: string[] }[] }>().issue[0]?.expression?.[0];

beforeAll(async () => {
  payer = await startTestPayer(await reserveAddress(), {
    oidcClients: [
      { clientId: 'portal', name: 'Portal', clientSecret: SECRET, scopes: 'system/Task.crs' },
      { clientId: 'other-portal', name: 'Other portal', clientSecret: SECRET, scopes: 'system/Task.crs' },
      { clientId: 'partner', name: 'Partner', clientSecret: SECRET, scopes: 'system/*.rs' },
    ],
  });
});
afterAll(() => payer.stop());

describe('a request to add a payer', () => {
  it('is taken exactly as the vendor publishes it, once', async () => {
    const first = await post(EXAMPLE);
    expect(first.status).toBe(201);
    const { id, meta, lastModified, ...task } = first.json<Task>();
    const { lastModified: _placeholder, ...published } = JSON.parse(EXAMPLE) as Task;
    expect(task).toEqual(published);
    expect(first.headers.get('location')).toBe(`${payer.fhirUrl}/Task/${id ?? ''}/_history/1`);
    expect([id?.startsWith('p2p-task-'), meta?.versionId, lastModified]).toEqual([true, '1', meta?.lastUpdated]);
    const again = await post(EXAMPLE);
    expect([again.status, again.json<Task>().id]).toEqual([200, id]);
  });

  it('keeps digits and fields that nobody knows', async () => {
    const body = filled().replace('"intent"', '"x-unknown":{"n":1.50},"intent"');
    expect((await post(body)).text).toContain('"x-unknown":{"n":1.50}');
  });

  it('is listed by code and status, by patient and by identifier', async () => {
    const task = await posted();
    const value = task.identifier?.[0]?.value ?? '';
    for (const query of [
      `code=p2p-request-add-provider-id&status=requested`,
      `code=${encodeURIComponent(`${CODES}|p2p-request-add-provider-id`)}`,
      'patient=Patient/p1',
      `identifier=${encodeURIComponent(`${CODES}|${value}`)}`,
    ]) {
      const found = (await payer.ask('GET', `Task?${query}`)).json<Bundle>();
      expect([query, found.entry?.map(({ resource }) => resource?.id)]).toEqual([
        query,
        expect.arrayContaining([task.id]),
      ]);
    }
    const closed = (await payer.ask('GET', 'Task?code=p2p-request-add-provider-id&status=completed')).json<Bundle>();
    expect(closed.entry?.map(({ resource }) => resource?.id)).not.toContain(task.id);
  });

  it.each<[string, object, string]>([
    ['of another code', { code: { coding: [{ system: CODES, code: 'other' }] } }, 'Task.code'],
    ['of the code in another system', { code: { coding: [{ code: 'p2p-request-add-provider-id' }] } }, 'Task.code'],
    ['that is under way already', { status: 'in-progress' }, 'Task.status'],
    ['of an unknown status', { status: 'asked' }, 'Task.status'],
    ['without intent', { intent: undefined }, 'Task.intent'],
    ['without identifier', { identifier: undefined }, 'Task.identifier'],
    ['with the identifier of another member', { requester: { reference: 'Patient/p2' } }, 'Task.identifier'],
    ['by no member', { requester: { reference: 'Practitioner/p1' } }, 'Task.requester.reference'],
    ['of no organization', { owner: undefined }, 'Task.owner.reference'],
    ['without inputs', { input: [] }, 'Task.input'],
  ])('is refused %s, by the name of the element', async (_what, change, expression) => {
    const answer = await post(filled(change));
    expect([answer.status, expressionOf(answer)]).toEqual([422, expression]);
  });

  it('is refused with an input that is no text, or stands twice', async () => {
    const { input = [] } = JSON.parse(filled()) as Task;
    const empty = await post(filled({ input: input.map((each) => ({ ...each, valueString: ' ' })) }));
    expect([empty.status, expressionOf(empty)]).toEqual([422, 'Task.input[0].valueString']);
    const twice = await post(filled({ input: [...input, ...input] }));
    expect([twice.status, expressionOf(twice)]).toEqual([422, 'Task.input[5].type']);
  });

  it('is refused where another request has its identifier', async () => {
    const time = new Date().toISOString();
    await post(filled({}, time));
    expect((await post(filled({ priority: 'urgent' }, time))).status).toBe(409);
  });

  it('is kept sealed', async () => {
    await posted();
    const { rows } = await payer.wiring.pool.query<{ row: string }>(`SELECT t::text AS row FROM task t`);
    const bytes = await payer.wiring.pool.query<{ posted: Buffer }>('SELECT posted FROM task WHERE posted IS NOT NULL');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ row }) => row.includes('ann@member.example'))).toEqual([]);
    expect(bytes.rows.filter(({ posted: text }) => text.includes('ann@member.example'))).toEqual([]);
  });
});

describe('who posts a request', () => {
  it('is a portal too, which sees what it posted and nothing else', async () => {
    const portal = await as('portal', 'system/Task.crs');
    const task = (await post(filled(), portal)).json<Task>();
    await posted();
    const at = `Task/${task.id ?? ''}`;
    expect((await payer.ask('GET', at, undefined, portal)).status).toBe(200);
    const found = (await payer.ask('GET', 'Task', undefined, portal)).json<Bundle>();
    expect(found.entry?.map(({ resource }) => resource?.id)).toEqual([task.id]);
    const other = await as('other-portal', 'system/Task.crs');
    expect((await payer.ask('GET', at, undefined, other)).status).toBe(404);
    expect((await put(task, { status: 'completed' }, portal)).status).toBe(403);
  });

  it('is no partner, whose scopes do not create Tasks', async () => {
    const partner = await as('partner', 'system/*.rs');
    expect((await post(filled(), partner)).status).toBe(403);
    expect((await payer.ask('GET', 'Task', undefined, partner)).status).toBe(403);
  });
});

describe('a request that the operator', () => {
  it('turned into a server definition is closed by its status', async () => {
    const task = await posted();
    const accepted = await put(task, { status: 'accepted' });
    expect([accepted.status, accepted.headers.get('etag')]).toEqual([200, 'W/"2"']);
    const definition = {
      name: 'New Plan',
      issuer: 'https://new.example',
      clientId: 'us',
      fhirEndpoint: 'https://new.example/fhir',
    };
    const created = await payer.ask('POST', `${payer.p2pUrl}/api/oidc_servers`, JSON.stringify(definition), {
      'content-type': 'application/json',
    });
    expect(created.status).toBe(201);
    const note = [{ text: 'Server 1' }];
    const closed = (await put(accepted.json<Task>(), { status: 'completed', note })).json<Task>();
    expect(closed).toMatchObject({ status: 'completed', note, input: task.input, meta: { versionId: '3' } });
    expect((await payer.ask('GET', `Task/${task.id ?? ''}`)).json<Task>()).toEqual(closed);
  });

  it('closed stays closed', async () => {
    const task = await posted();
    const closed = (await put(task, { status: 'rejected' })).json<Task>();
    for (const status of ['requested', 'accepted', 'completed', 'rejected']) {
      expect((await put(closed, { status })).status).toBe(409);
    }
  });

  it('cancels is cancelled, once', async () => {
    const task = await posted();
    const cancel = (): Promise<Answer> => payer.ask('POST', `Task/${task.id ?? ''}/$cancel`);
    expect((await cancel()).json<Task>().status).toBe('cancelled');
    expect((await cancel()).status).toBe(409);
  });

  it('changes cannot ask for something else', async () => {
    const task = await posted();
    const answer = await put(task, { status: 'accepted', owner: { reference: 'Organization/another' } });
    expect(answer.status).toBe(422);
    const input = task.input?.map((each) => ({ ...each, valueString: 'other' }));
    const inputs = await put(task, { status: 'accepted', input });
    expect([inputs.status, expressionOf(inputs)]).toEqual([422, 'Task.input']);
  });

  it('changes by a version that is no longer there keeps its newer one', async () => {
    const task = await posted();
    await put(task, { status: 'accepted' });
    expect((await put(task, { status: 'cancelled' }, { 'if-match': 'W/"1"' })).status).toBe(412);
    expect((await put(task, { status: 'unheard-of' })).status).toBe(422);
  });

  it('cannot delete', async () => {
    const task = await posted();
    expect((await payer.ask('DELETE', `Task/${task.id ?? ''}`)).status).toBe(405);
  });
});
