import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { OperationOutcome } from 'fhir/r4.js';
import { importFiles } from '../../../activities/requester/import-files.ts';
import { derivedId } from '../../../fhir/identifiers.ts';
import type { ResourceCount, TaskState } from '../../../fhir/task.ts';
import { transferBlob } from '../../../store/exchange-files.ts';
import type { StoredResource } from '../../../store/fhir-store.ts';
import { collect, createResource, ids, recordTables } from '../../support/records.ts';
import {
  endOf,
  LOCAL_PATIENT,
  payerDefinition,
  RESPONDING_ORGANIZATION,
  startRequester,
  TEST_LIMITS,
} from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { SAMPLE_LINES, SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

const OTHER_LOCAL = 'local-2';

let responder: Responder;
let requester: Requester;

const observations = SAMPLE_LINES['Observation'] ?? [];
const practitioners = SAMPLE_LINES['Practitioner'] ?? [];
const lineOf = (type: string, id: string): string =>
  SAMPLE_LINES[type]?.find((line) => line.includes(`"id":"${id}"`)) ?? '';
const otherPatient = lineOf('Patient', 'p1').replaceAll('"p1"', '"p2"').replaceAll('M-1', 'M-2');

/** Of the first member's compartment, or shared. */
const localId = (type: string, originalId: string): string =>
  derivedId({
    ...{ organization: RESPONDING_ORGANIZATION, type, originalId },
    ...(type !== 'Practitioner' && { patient: LOCAL_PATIENT }),
  });
const read = (type: string, originalId: string): Promise<StoredResource | undefined> =>
  requester.fhir.read(type, localId(type, originalId));
const history = (type: string, originalId: string): Promise<readonly StoredResource[]> =>
  requester.fhir.history(type, localId(type, originalId));

const bundle = (...urls: string[]): string =>
  JSON.stringify({
    ...{ resourceType: 'Bundle', type: 'transaction' },
    entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
  });

/** The first member's record as the payer has it from now on, and what it says it deleted. */
function payerHas(lines: Record<string, string[]>, deletedLines: string[] = []): void {
  responder.setMember({ ...SAMPLE_MEMBER, lines: { Patient: SAMPLE_LINES['Patient'] ?? [], ...lines } });
  responder.set({ manifest: { deletedLines } });
}

async function exchange(localPatientId = LOCAL_PATIENT, memberId = 'p1'): Promise<TaskState> {
  const { taskId } = await requester.exchanges.open({
    ...{ payerPid: 1, organizationId: RESPONDING_ORGANIZATION, localPatientId, warnings: [] },
    request: { exportEntries: [], member: { id: memberId } },
  });
  await requester.runs.start({ taskId, payerPid: 1, limits: TEST_LIMITS, skipMatch: true });
  return endOf(requester, taskId);
}

const countsOf = (task: TaskState): Record<string, Partial<ResourceCount>> =>
  Object.fromEntries(
    task.output.flatMap((each) => (each.kind === 'resource-count' ? [[each.count.type, each.count]] : [])),
  );

const outcomeOf = (task: TaskState, kind: string): OperationOutcome | undefined => {
  const output = task.output.find((each) => each.kind === kind);
  return output !== undefined && 'outcome' in output ? output.outcome : undefined;
};

const warningsOf = (task: TaskState): Record<string, string> =>
  Object.fromEntries(
    (outcomeOf(task, 'warnings')?.issue ?? []).map(({ details }) => [details?.coding?.[0]?.code, details?.text]),
  ) as Record<string, string>;

/** `Type/id` of every target of the exchange's own Provenances. */
async function targetsOf(task: TaskState): Promise<string[]> {
  const targets: string[] = [];
  for (const id of await requester.fhir.generatedIds(task.id, 'Provenance')) {
    const text = (await requester.fhir.read('Provenance', id))?.text ?? '{}';
    targets.push(...(JSON.parse(text) as { target: { reference: string }[] }).target.map(({ reference }) => reference));
  }
  return targets.sort();
}

beforeAll(async () => {
  responder = await startResponder({
    members: [
      SAMPLE_MEMBER,
      { patientId: 'p2', memberId: 'M-2', lines: { Patient: [otherPatient], Practitioner: practitioners } },
    ],
    behaviour: { kickOff: { requireMatch: false }, status: { pollsBeforeDone: 0, retryAfter: null } },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([server]);
  await createResource(requester.fhir, `{"resourceType":"Patient","id":"${OTHER_LOCAL}"}`);
  const first = await exchange();
  expect(first.status).toBe('completed');
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

describe('a second exchange', () => {
  const changed = lineOf('Observation', 'o0').replace('"status":"final"', '"status":"amended"');
  const added = lineOf('Encounter', 'e0').replace('"id":"e0"', '"id":"e9"');
  let task: TaskState;
  let since: string;

  beforeAll(async () => {
    since = await requester.fhir.freeze();
    payerHas({ Observation: [changed, lineOf('Observation', 'o2')], Encounter: [added], Practitioner: practitioners }, [
      bundle('Observation/o1', `${responder.baseUrl}/Encounter/e2`),
      bundle('Observation/o2', 'Observation/never', 'Patient/p1'),
      bundle('Observation?code=x'),
      '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Observation/o3"}}]}',
      '{"resourceType":',
    ]);
    task = await exchange();
    payerHas(SAMPLE_LINES);
  });

  it('changes what it delivers changed, and the history keeps the former version', async () => {
    const versions = await history('Observation', 'o0');
    expect(versions.map(({ text }) => /"status":"([a-z]+)"/.exec(text)?.[1])).toEqual(['amended', 'final']);
  });

  it('makes no version of what it delivers unchanged, and leaves what it does not deliver', async () => {
    for (const id of ['o2', 'o3']) expect(await history('Observation', id)).toHaveLength(1);
    expect(await history('Practitioner', 'dr1')).toHaveLength(1);
  });

  it('takes away what the payer lists as deleted, by relative and by absolute URL', async () => {
    expect((await history('Observation', 'o1')).map(({ deleted }) => deleted)).toEqual([true, false]);
    expect(await read('Encounter', 'e2')).toMatchObject({ deleted: true });
  });

  it('is told by an export since the instant before it as changes and deletions', async () => {
    const query = { patientIds: [localId('Patient', 'p1')], since, includeDeleted: true };
    const found = await collect(requester.fhir.memberCompartment(query));
    const told = found.filter(({ type }) => type !== 'Provenance').map((each) => [ids([each])[0], each.deleted]);
    expect(Object.fromEntries(told)).toEqual({
      [`Encounter/${localId('Encounter', 'e2')}`]: true,
      [`Encounter/${localId('Encounter', 'e9')}`]: false,
      [`Observation/${localId('Observation', 'o0')}`]: false,
      [`Observation/${localId('Observation', 'o1')}`]: true,
    });
  });

  it('keeps what it delivers as well', async () => {
    expect(await read('Observation', 'o2')).toMatchObject({ deleted: false });
    expect(warningsOf(task)['deletions-kept']).toMatch(/^1 /);
  });

  it('counts what it changed, and what was not here', () => {
    const counts = countsOf(task);
    expect(counts['Observation']).toEqual({
      ...{ type: 'Observation', received: 2, new: 0, updated: 1, unchanged: 1, refused: 0, deleted: 1 },
    });
    expect(counts['Encounter']).toMatchObject({ received: 1, new: 1, deleted: 1 });
    expect(warningsOf(task)['deletions-unknown']).toMatch(/^1 Observation /);
  });

  it('never takes away the Patient of the member, and warns of it', async () => {
    expect(await read('Patient', 'p1')).toMatchObject({ deleted: false });
    expect(Object.keys(warningsOf(task))).toContain('patient-deletion');
  });

  it('refuses lines that are no deletions by id, by file and line', async () => {
    const issues = outcomeOf(task, 'refused-report')?.issue ?? [];
    const file = (await requester.files.list(task.id)).find(({ list }) => list === 'deleted')?.number ?? -1;
    expect(issues.map(({ details, diagnostics }) => [details?.coding?.[0]?.code, diagnostics])).toEqual([
      ['not-a-deletion', `file ${file + 1}, line 3`],
      ['not-a-deletion', `file ${file + 1}, line 4`],
      ['malformed-json', `file ${file + 1}, line 5`],
    ]);
    expect(await read('Observation', 'o3')).toMatchObject({ deleted: false });
  });

  it('names in its Provenance what it changed and added, and nothing else', async () => {
    expect(await targetsOf(task)).toEqual([
      `Encounter/${localId('Encounter', 'e9')}`,
      `Observation/${localId('Observation', 'o0')}`,
    ]);
  });
});

describe('a third exchange that delivers the deleted records again', () => {
  it('makes them visible again, and counts them as new', async () => {
    const task = await exchange();
    expect(await read('Observation', 'o1')).toMatchObject({ deleted: false, exchangeId: task.id });
    expect(countsOf(task)['Observation']).toMatchObject({ new: 1, updated: 1, unchanged: observations.length - 2 });
    expect(await targetsOf(task)).toContain(`Observation/${localId('Observation', 'o1')}`);
  });
});

describe('a shared record', () => {
  it('that one payer delivers for two members is one record, named by the Provenance of each', async () => {
    const task = await exchange(OTHER_LOCAL, 'p2');
    expect(countsOf(task)['Practitioner']).toMatchObject({ new: 0, unchanged: 1 });
    expect(await history('Practitioner', 'dr1')).toHaveLength(1);
    expect(await targetsOf(task)).toContain(`Practitioner/${localId('Practitioner', 'dr1')}`);
  });

  it('is not taken away by a deletion that comes for one of them', async () => {
    payerHas({}, [bundle('Practitioner/dr1')]);
    const task = await exchange();
    expect(await read('Practitioner', 'dr1')).toMatchObject({ deleted: false });
    expect(warningsOf(task)['deletions-kept']).toMatch(/^1 Practitioner /);
    expect(countsOf(task)['Practitioner']).toBeUndefined();
  });

  it('of another member’s compartment is not reached by its id', async () => {
    payerHas({}, [bundle('Patient/p2')]);
    const before = await requester.fhir.linkedPatients(OTHER_LOCAL);
    expect((await exchange()).status).toBe('completed');
    expect(await requester.fhir.visible(before.map((id) => ({ type: 'Patient', id })))).toHaveProperty('size', 2);
  });
});

describe('an exchange that is undone', () => {
  it('leaves every row as the exchange before it had left it, deletions included', async () => {
    const before = await recordTables(requester.pool);
    const changed = observations.map((line) => line.replace('"status":"final"', '"status":"corrected"'));
    const noDeletions = Array.from({ length: 11 }, () => bundle('Goal?x=y'));
    payerHas({ ...SAMPLE_LINES, Observation: changed }, [
      bundle('Encounter/e0', 'ExplanationOfBenefit/eob1'),
      ...noDeletions,
    ]);
    const task = await exchange();
    expect([task.status, task.reason]).toEqual(['failed', 'too-many-refused-lines']);
    expect(await recordTables(requester.pool)).toEqual(before);
  });
});

describe('a kill between two batches of deletions', () => {
  it('repeats nothing: what is counted and staged is what one run gives', async () => {
    const local = 'local-3';
    const lines = Array.from({ length: 2700 }, (_, index) => bundle(`Goal/g${index}`));
    const goals = Array.from(
      { length: 2600 },
      (_, index) => `{"resourceType":"Goal","id":"g${index}","subject":{"reference":"Patient/p1"}}`,
    );
    await createResource(requester.fhir, `{"resourceType":"Patient","id":"${local}"}`);
    payerHas({ Goal: goals });
    await exchange(local);
    const taskId = await plannedDeletions(local, lines);

    let batches = 0;
    const dying: Requester['fhir']['deleteBatch'] = async (batch) => {
      if (batches++ > 0) throw new Error('killed');
      return requester.fhir.deleteBatch(batch);
    };
    const share = { taskId, first: 0, last: 0 };
    const killed = importFiles({ ...requester, fhir: { ...requester.fhir, deleteBatch: dying } });
    await expect(new MockActivityEnvironment().run(killed, share)).rejects.toThrow('killed');
    expect(await requester.fhir.importCounts(taskId)).toMatchObject([{ type: 'Goal', deleted: 1000 }]);
    await new MockActivityEnvironment().run(importFiles(requester), share);
    await new MockActivityEnvironment().run(importFiles(requester), share);
    expect(await requester.fhir.importCounts(taskId)).toMatchObject([
      { type: 'Goal', deleted: 2600, deletionsUnknown: 100, deletionsKept: 0 },
    ]);
    expect((await requester.files.get(taskId, 0)).imported).toBe(true);
    await requester.fhir.removeImport(taskId);
  });
});

/** An exchange that has downloaded one file of deletions. */
async function plannedDeletions(localPatientId: string, lines: readonly string[]): Promise<string> {
  const { taskId } = await requester.exchanges.open({
    ...{ payerPid: 1, organizationId: RESPONDING_ORGANIZATION, localPatientId, warnings: [] },
    request: { exportEntries: [], member: { id: 'p1' } },
  });
  await requester.exchanges.change(taskId, { memberPatientId: 'p1' });
  await requester.files.plan(taskId, [
    { list: 'deleted', type: 'Bundle', url: 'https://peer.example/d', announcedCount: lines.length },
  ]);
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  await requester.blobs.append(transferBlob(taskId, 0), 0, bytes);
  const kept = { keptBlob: transferBlob(taskId, 0), keptBytes: bytes.length };
  await requester.files.change(taskId, 0, { downloaded: true, lines: lines.length, ...kept });
  return taskId;
}
