import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Bundle, Task } from 'fhir/r4.js';
import { createRepetitionActivities } from '../../../activities/requester/repetition-activities.ts';
import type { RepetitionActivities } from '../../../activities/requester/repetition-activities.ts';
import { noteMissingSchedules } from '../../../activities/requester/settle-repetitions.ts';
import { repetitionDeps } from '../../../cli/wire-repetitions.ts';
import type { StoredResource } from '../../../store/fhir-store.ts';
import { repetitionScheduleId } from '../../../workflows/contract.ts';
import type { RepeatExchangeInput, RepeatExchangeResult } from '../../../workflows/contract.ts';
import { reserveAddress, startTestPayer, taskOf } from '../../support/payer.ts';
import type { Answer, TestPayer } from '../../support/payer.ts';
import { collect } from '../../support/records.ts';
import { payerDefinition, RESPONDING_ORGANIZATION } from '../../support/requester/requester.ts';
import { SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';

const LOCAL_PATIENT = 'local-1';
const OTHER_PATIENT = 'local-2';
const TYPES = 'Patient,Observation';

let responder: Responder;
let payer: TestPayer;
let activities: RepetitionActivities;
let deps: ReturnType<typeof repetitionDeps>;

const patient =
  '{"resourceType":"Patient","id":"p1","meta":{"lastUpdated":"2024-01-01T00:00:00Z"},"name":[{"family":"Person","given":["Ann"]}],"gender":"female","birthDate":"1974-12-25"}';
const observation = (id: string, status: string, lastUpdated: string): string =>
  `{"resourceType":"Observation","id":"${id}","meta":{"lastUpdated":"${lastUpdated}"},"status":"${status}","code":{"text":"x"},"subject":{"reference":"Patient/p1"}}`;
const OLD = '2024-01-01T00:00:00Z';
const former = ['o1', 'o2', 'o3'].map((id) => observation(id, 'final', OLD));

const payerHas = (observations: string[]): void =>
  responder.setMember({ ...SAMPLE_MEMBER, lines: { Patient: [patient], Observation: observations } });

function invocation(localPatientId: string, match: object = matchParameters() as object): string {
  const parameter = [
    { name: 'localPatient', valueReference: { reference: `Patient/${localPatientId}` } },
    { name: 'sourceIssuerUrl', valueString: responder.baseUrl },
    { name: 'memberMatch', resource: match },
    { name: 'export', part: [{ name: '_type', valueString: TYPES }] },
  ];
  return JSON.stringify({ resourceType: 'Parameters', parameter });
}

const every = (duration: string, until?: string): string =>
  JSON.stringify({
    resourceType: 'Parameters',
    parameter: [
      { name: 'every', valueString: duration },
      ...(until === undefined ? [] : [{ name: 'until', valueDate: until }]),
    ],
  });
const repeat = (taskId: string, body = every('P3M')): Promise<Answer> =>
  payer.ask('POST', `Task/${taskId}/$repeat`, body);
const endRepeat = (taskId: string): Promise<Answer> => payer.ask('POST', `Task/${taskId}/$end-repeat`);

async function exchange(localPatientId = LOCAL_PATIENT, match?: object): Promise<Task> {
  const answer = await payer.ask('POST', 'Patient/$invoke-export', invocation(localPatientId, match));
  return taskOf(payer, `Task/${answer.json<Task>().id ?? ''}`);
}

const schedule = (taskId: string) => payer.wiring.temporal.client.schedule.getHandle(repetitionScheduleId(taskId));

type Repeat = (input: RepeatExchangeInput) => Promise<RepeatExchangeResult>;

/** Has the schedule act now; answers what its run answered. */
async function fire(taskId: string): Promise<RepeatExchangeResult & { readonly taskId?: string }> {
  const handle = schedule(taskId);
  const before = (await handle.describe()).info.numActionsTaken;
  await handle.trigger();
  for (;;) {
    const { numActionsTaken, recentActions } = (await handle.describe()).info;
    const last = recentActions.at(-1)?.action.workflow;
    if (numActionsTaken > before && last !== undefined) {
      const { workflow } = payer.wiring.temporal.client;
      return workflow.getHandle<Repeat>(last.workflowId, last.firstExecutionRunId).result();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `_since` of each kick-off, in their order. */
function kickOffs(): (string | undefined)[] {
  return responder.requests
    .filter(({ method, path }) => method === 'POST' && path.endsWith('$export'))
    .map(({ body }) => {
      const { parameter } = JSON.parse(body) as { parameter: { name: string; valueInstant?: string }[] };
      return parameter.find(({ name }) => name === '_since')?.valueInstant;
    });
}

const transactionTimeOf = async (taskId: string): Promise<string | undefined> =>
  (await deps.exchanges.load(taskId)).transactionTime;

/** What came for the member of that type, all versions of it. */
async function imported(type: string): Promise<StoredResource[]> {
  const { fhir } = payer.wiring;
  const patientIds = (await fhir.linkedPatients(LOCAL_PATIENT)).filter((id) => id !== LOCAL_PATIENT);
  const found = (await collect(fhir.memberCompartment({ patientIds }))).filter((each) => each.type === type);
  return (await Promise.all(found.map(({ id }) => fhir.history(type, id)))).flat();
}

const tasksOf = async (localPatientId: string): Promise<number> =>
  (await payer.ask('GET', `Task?patient=Patient/${localPatientId}`)).json<Bundle>().total ?? 0;

beforeAll(async () => {
  responder = await startResponder({
    members: [SAMPLE_MEMBER],
    behaviour: { status: { pollsBeforeDone: 0, retryAfter: null } },
  });
  payerHas(former);
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  const { name, issuer, clientId, privateJwk, fhirEndpoint, organizationId } = server;
  payer = await startTestPayer(await reserveAddress(), {
    organizations: [{ resourceType: 'Organization', id: RESPONDING_ORGANIZATION }],
    oidcServers: [{ name, issuer, clientId, privateJwk, fhirEndpoint, organizationId }],
    oidcClients: [{ clientId: 'partner', name: 'Partner', clientSecret: 'secret-of-partner', scopes: 'system/*.rs' }],
  });
  for (const id of [LOCAL_PATIENT, OTHER_PATIENT]) {
    await payer.ask('PUT', `Patient/${id}`, JSON.stringify({ resourceType: 'Patient', id }));
  }
  deps = repetitionDeps(payer.wiring);
  activities = createRepetitionActivities(deps);
});

afterAll(async () => {
  for (const taskId of await deps.repetitions.going()) await endRepeat(taskId);
  await payer.stop();
  await responder.close();
});

describe('a repeated exchange', () => {
  let first: Task & { id: string };
  let second: Task;

  beforeAll(async () => {
    const task = await exchange();
    first = { ...task, id: task.id ?? '' };
    expect(first.status).toBe('completed');
  });

  it('is answered with its Task, and has one schedule, whose end is that of the consent', async () => {
    const answer = await repeat(first.id, every('P7D'));
    expect([answer.status, answer.headers.get('content-location')]).toEqual([200, `Task/${first.id}`]);
    expect(answer.json<Task>()).toEqual(first);
    const { spec, policies } = await schedule(first.id).describe();
    expect(spec.intervals?.map((interval) => interval.every)).toEqual([7 * 86_400_000]);
    expect(spec.endAt?.toISOString()).toBe('2099-12-31T23:59:59.999Z');
    expect(policies.overlap).toBe('SKIP');
  });

  it('is repeated in another rhythm when it is asked for again', async () => {
    expect((await repeat(first.id, every('P3M', '2090-05-31'))).status).toBe(200);
    const { spec } = await schedule(first.id).describe();
    expect([spec.intervals ?? [], spec.calendars?.[0]?.month.length]).toEqual([[], 4]);
    expect(spec.endAt?.toISOString()).toBe('2090-05-31T23:59:59.999Z');
  });

  it('asks for what is new since the transaction time of the first', async () => {
    payerHas([
      ...former.slice(1),
      observation('o1', 'amended', new Date().toISOString()),
      observation('o9', 'final', new Date().toISOString()),
    ]);
    const { outcome, taskId } = await fire(first.id);
    second = await taskOf(payer, `Task/${taskId ?? ''}`);
    expect([outcome, second.status]).toEqual(['opened', 'completed']);
    expect(kickOffs()).toEqual([undefined, await transactionTimeOf(first.id)]);
  });

  it('has a new Task that names the first one', () => {
    expect(second.id).not.toBe(first.id);
    expect([second.basedOn, second.for]).toEqual([[{ reference: `Task/${first.id}` }], first.for]);
  });

  it('brings what is new and changed, once, and leaves the rest as it is', async () => {
    const versions = (await imported('Observation')).map(({ text }) => /"status":"([a-z]+)"/.exec(text)?.[1]);
    expect(versions.sort()).toEqual(['amended', 'final', 'final', 'final', 'final']);
    expect(await imported('Patient')).toHaveLength(1);
  });

  it('goes on from the last that completed, also where that was posted by hand', async () => {
    await fire(first.id).then(({ taskId }) => taskOf(payer, `Task/${taskId ?? ''}`));
    const byHand = await exchange();
    const { taskId } = await fire(first.id);
    await taskOf(payer, `Task/${taskId ?? ''}`);
    expect(kickOffs().slice(2)).toEqual([
      await transactionTimeOf(second.id ?? ''),
      // What was posted goes out as it was posted.
      undefined,
      await transactionTimeOf(byHand.id ?? ''),
    ]);
  });

  it('is not repeated while the one before has not ended', async () => {
    responder.set({ status: { pollsBeforeDone: 100_000 } });
    const { taskId } = await fire(first.id);
    const before = await tasksOf(LOCAL_PATIENT);
    expect(await fire(first.id)).toEqual({ outcome: 'running' });
    expect(await tasksOf(LOCAL_PATIENT)).toBe(before);
    await payer.ask('POST', `Task/${taskId ?? ''}/$cancel`);
    await taskOf(payer, `Task/${taskId ?? ''}`);
    responder.set({ status: { pollsBeforeDone: 0 } });
  });

  it('is opened once, however often the same occurrence is tried', async () => {
    const open = () => activities.openRepetition({ taskId: first.id, occurrence: 'once' });
    const before = await tasksOf(LOCAL_PATIENT);
    const tries = await Promise.allSettled([open(), open()]);
    const last = await open();
    expect(tries.map((each) => (each.status === 'fulfilled' ? each.value : last))).toEqual([last, last]);
    expect(await tasksOf(LOCAL_PATIENT)).toBe(before + 1);
    const taskId = last.outcome === 'opened' ? last.input.taskId : '';
    // The sweep would start it: written and never started.
    await payer.ask('POST', `Task/${taskId}/$cancel`);
  });

  it('cannot have its repetitions repeated', async () => {
    expect((await repeat(second.id ?? '')).status).toBe(409);
  });

  it('gets a schedule that Temporal has lost anew after a start', async () => {
    await schedule(first.id).delete();
    await noteMissingSchedules(deps);
    await new MockActivityEnvironment().run(activities.settleRepetitions);
    expect((await schedule(first.id).describe()).spec.calendars).toHaveLength(1);
  });

  it('ends, once and again', async () => {
    for (const answer of [await endRepeat(first.id), await endRepeat(first.id)]) expect(answer.status).toBe(200);
    await expect(schedule(first.id).describe()).rejects.toThrow(/not found/i);
    expect(await activities.openRepetition({ taskId: first.id, occurrence: 'late' })).toEqual({ outcome: 'ended' });
  });

  it('may be repeated again', async () => {
    expect((await repeat(first.id)).status).toBe(200);
    expect((await schedule(first.id).describe()).spec.calendars).toHaveLength(1);
  });
});

describe('a repetition whose end has passed', () => {
  it('sends nothing, and its schedule goes', async () => {
    const { id = '' } = await exchange(OTHER_PATIENT);
    await repeat(id);
    await deps.repetitions.put(id, { every: { months: 0, days: 1 }, until: new Date(Date.now() - 1) });
    const before = kickOffs().length;
    expect(await fire(id)).toEqual({ outcome: 'ended' });
    await new MockActivityEnvironment().run(activities.settleRepetitions);
    await expect(schedule(id).describe()).rejects.toThrow(/not found/i);
    expect(kickOffs()).toHaveLength(before);
  });
});

describe('what cannot be repeated', () => {
  it('is an exchange whose request was at fault', async () => {
    const match = JSON.stringify(matchParameters()).replaceAll('1974-12-25', '1900-01-01').replaceAll('M-1', 'M-none');
    const task = await exchange(OTHER_PATIENT, JSON.parse(match) as object);
    expect([task.status, task.statusReason?.coding?.[0]?.code]).toEqual(['failed', 'member-not-matched']);
    expect((await repeat(task.id ?? '')).status).toBe(409);
  });

  it.each([
    ['a Task that is not there', 'nothing', every('P1D'), 404],
    ['an exchange without a rhythm', undefined, '{"resourceType":"Parameters"}', 400],
    ['an exchange until a day that has passed', undefined, every('P1D', '2020-01-01'), 422],
  ])('is %s', async (_what, taskId, body, status) => {
    const [entry] =
      (await payer.ask('GET', `Task?patient=${OTHER_PATIENT}&status=completed`)).json<Bundle>().entry ?? [];
    expect((await repeat(taskId ?? entry?.resource?.id ?? '', body)).status).toBe(status);
  });

  it('is an exchange whose consent has ended', async () => {
    const request = { matchParameters: JSON.stringify(matchParameters()).replace('2099-12-31', '2026-01-31') };
    const { taskId } = await deps.exchanges.open({
      ...{ payerPid: 1, organizationId: RESPONDING_ORGANIZATION, localPatientId: OTHER_PATIENT, warnings: [] },
      request: { ...request, exportEntries: [] },
    });
    expect([(await repeat(taskId)).status, await deps.repetitions.read(taskId)]).toEqual([422, undefined]);
    await payer.ask('POST', `Task/${taskId}/$cancel`);
  });

  it('may be ended all the same', async () => {
    const { id = '' } = await exchange(OTHER_PATIENT);
    expect((await endRepeat(id)).status).toBe(200);
    expect((await endRepeat('nothing')).status).toBe(404);
  });
});

describe('a partner', () => {
  it('repeats nothing and ends nothing', async () => {
    const authorization = `Bearer ${await payer.token('partner', 'secret-of-partner', 'system/*.rs')}`;
    for (const operation of ['$repeat', '$end-repeat']) {
      const answer = await payer.ask('POST', `Task/x/${operation}`, every('P1D'), { authorization });
      expect(answer.status).toBe(403);
    }
  });
});
