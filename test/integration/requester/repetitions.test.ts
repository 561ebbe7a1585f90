import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Bundle, Task } from 'fhir/r4.js';
import { createRepetitionActivities } from '../../../activities/requester/repetition-activities.ts';
import type { RepetitionActivities } from '../../../activities/requester/repetition-activities.ts';
import { noteMissingSchedules } from '../../../activities/requester/settle-repetitions.ts';
import type { StoredResource } from '../../../store/fhir-store.ts';
import { repetitionScheduleId } from '../../../workflows/contract.ts';
import type { RepeatExchangeInput, RepeatExchangeResult } from '../../../workflows/contract.ts';
import { taskOf } from '../../support/payer.ts';
import type { TestPayer } from '../../support/payer.ts';
import { collect } from '../../support/records.ts';
import { every, OTHER_PATIENT, startRepeatingPayer } from '../../support/requester/repeating-payer.ts';
import type { RepeatingPayer } from '../../support/requester/repeating-payer.ts';
import { LOCAL_PATIENT } from '../../support/requester/requester.ts';
import { SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import type { Responder } from '../../support/responder/responder.ts';

let repeating: RepeatingPayer;
let responder: Responder;
let payer: TestPayer;
let activities: RepetitionActivities;
let deps: RepeatingPayer['deps'];

beforeAll(async () => {
  repeating = await startRepeatingPayer();
  ({ responder, payer, deps } = repeating);
  payerHas(former);
  activities = createRepetitionActivities(deps);
});

afterAll(() => repeating.stop());

const patient =
  '{"resourceType":"Patient","id":"p1","meta":{"lastUpdated":"2024-01-01T00:00:00Z"},"name":[{"family":"Person","given":["Ann"]}],"gender":"female","birthDate":"1974-12-25"}';
const observation = (id: string, status: string, lastUpdated: string): string =>
  `{"resourceType":"Observation","id":"${id}","meta":{"lastUpdated":"${lastUpdated}"},"status":"${status}","code":{"text":"x"},"subject":{"reference":"Patient/p1"}}`;
const OLD = '2024-01-01T00:00:00Z';
const former = ['o1', 'o2', 'o3'].map((id) => observation(id, 'final', OLD));

const payerHas = (observations: string[]): void =>
  responder.setMember({ ...SAMPLE_MEMBER, lines: { Patient: [patient], Observation: observations } });

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

describe('a repeated exchange', () => {
  let first: Task & { id: string };
  let second: Task;

  beforeAll(async () => {
    const task = await repeating.exchange();
    first = { ...task, id: task.id ?? '' };
    expect(first.status).toBe('completed');
  });

  it('is answered with its Task, and has one schedule, whose end is that of the consent', async () => {
    const answer = await repeating.repeat(first.id, every('P7D'));
    expect([answer.status, answer.headers.get('content-location')]).toEqual([200, `Task/${first.id}`]);
    expect(answer.json<Task>()).toEqual(first);
    const { spec, policies } = await schedule(first.id).describe();
    expect(spec.intervals?.map((interval) => interval.every)).toEqual([7 * 86_400_000]);
    expect(spec.endAt?.toISOString()).toBe('2099-12-31T23:59:59.999Z');
    expect(policies.overlap).toBe('SKIP');
  });

  it('is repeated in another rhythm when it is asked for again', async () => {
    expect((await repeating.repeat(first.id, every('P3M', '2090-05-31'))).status).toBe(200);
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
    const byHand = await repeating.exchange();
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
    expect((await repeating.repeat(second.id ?? '')).status).toBe(409);
  });

  it('gets a schedule that Temporal has lost anew after a start', async () => {
    await schedule(first.id).delete();
    await noteMissingSchedules(deps);
    await new MockActivityEnvironment().run(activities.settleRepetitions);
    expect((await schedule(first.id).describe()).spec.calendars).toHaveLength(1);
  });

  it('ends, once and again', async () => {
    for (const answer of [await repeating.endRepeat(first.id), await repeating.endRepeat(first.id)]) {
      expect(answer.status).toBe(200);
    }
    await expect(schedule(first.id).describe()).rejects.toThrow(/not found/i);
    expect(await activities.openRepetition({ taskId: first.id, occurrence: 'late' })).toEqual({ outcome: 'ended' });
  });

  it('may be repeated again', async () => {
    expect((await repeating.repeat(first.id)).status).toBe(200);
    expect((await schedule(first.id).describe()).spec.calendars).toHaveLength(1);
  });
});

describe('a repetition whose end has passed', () => {
  it('sends nothing, and its schedule goes', async () => {
    const { id = '' } = await repeating.exchange(OTHER_PATIENT);
    await repeating.repeat(id);
    await deps.repetitions.put(id, { every: { months: 0, days: 1 }, until: new Date(Date.now() - 1) });
    const before = kickOffs().length;
    expect(await fire(id)).toEqual({ outcome: 'ended' });
    await new MockActivityEnvironment().run(activities.settleRepetitions);
    await expect(schedule(id).describe()).rejects.toThrow(/not found/i);
    expect(kickOffs()).toHaveLength(before);
  });
});
