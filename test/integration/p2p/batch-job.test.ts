import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Provenance, Task } from 'fhir/r4.js';
import { SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import type { Answer } from '../../support/payer.ts';
import { serveApp } from '../../support/serve.ts';
import type { ServedApp } from '../../support/serve.ts';
import { LOCAL_PATIENT, startPortal } from './portal.ts';
import type { BatchJob, Portal } from './portal.ts';

const example = (name: string): string => readFileSync(`test/fixtures/vendor/${name}.json`, 'utf8');
const PUBLISHED = JSON.parse(example('batch-job-response')) as object;

let portal: Portal;
/** A payer that our own client reaches. */
let path: string;

beforeAll(async () => {
  portal = await startPortal();
  portal.responder.registerClient({ clientId: 'new-payer', clientSecret: 'a-secret' });
  path = await portal.define({ ...OURS, issuer: portal.responder.baseUrl, authWellKnown: undefined });
});

afterAll(() => portal.stop());

afterEach(() => portal.responder.set({ status: { pollsBeforeDone: 0 }, latencyMs: 0 }));

const OURS = { clientId: 'new-payer', clientSecret: 'a-secret', scopes: 'system/*.read', responseType: undefined };

const post = (sourcePayer: object, targetPayer: object = {}, at = path): Promise<Answer> =>
  portal.ask('POST', `${at}/batch_job`, {
    sourcePayer: { patientId: 'p1', ...sourcePayer },
    targetPayer: { patientId: LOCAL_PATIENT, ...targetPayer },
  });

async function ended(answer: Answer, state: string, at = path): Promise<BatchJob> {
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return portal.until(`${at}/batch_job/${answer.json<BatchJob>().batchJobId}`, [state]);
}

const taskOf = async ({ taskId }: BatchJob): Promise<Task> =>
  (await portal.payer.ask('GET', `Task/${taskId}`)).json<Task>();

const kickOffs = (): string[] =>
  portal.responder.requests.filter(({ path: at }) => at.includes('$export')).map(({ path: at }) => at);

describe("the vendor's published examples", () => {
  let literal: ServedApp;

  beforeAll(async () => {
    // A payer that knows the token, the member and the request of the example.
    literal = await serveApp((request, response) => {
      const isKnown = request.headers.authorization === 'Bearer string';
      const patient = { resourceType: 'Patient', id: 'string' };
      const bundle = { resourceType: 'Bundle', type: 'searchset', entry: [{ resource: patient }] };
      const isRequest = request.url === '/fhir/string';
      response.writeHead(isKnown ? (isRequest ? 200 : 404) : 401, { 'content-type': 'application/fhir+json' });
      response.end(JSON.stringify(isKnown && isRequest ? bundle : { resourceType: 'OperationOutcome', issue: [] }));
    });
    for (const type of ['Patient', 'Organization']) {
      await portal.payer.ask('PUT', `${type}/string`, JSON.stringify({ resourceType: type, id: 'string' }));
    }
  });

  afterAll(() => literal.close());

  it('of a batch job run as they are written, and are answered in their form', async () => {
    const at = await portal.define({
      issuer: literal.url,
      fhirEndpoint: `${literal.url}/fhir`,
      authWellKnown: undefined,
    });
    const answer = await portal.ask('POST', `${at}/batch_job`, example('batch-job-request'));
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json())).toEqual(Object.keys(PUBLISHED));
    const done = await ended(answer, 'COMPLETED', at);
    const status = JSON.parse(example('batch-job-status-response')) as Record<string, unknown>;
    expect(Object.keys(done)).toEqual(Object.keys(status));
    for (const [name, value] of Object.entries(done)) expect([name, typeof value]).toEqual([name, typeof status[name]]);
    expect((await taskOf(done)).for?.reference).toBe('Patient/string');
  });

  it('of OIDC servers are the answers for such a server', async () => {
    const { pid: _pid, ...definition } = JSON.parse(example('oidc-server-response')) as Record<string, unknown>;
    const at = (await portal.ask('POST', '/api/oidc_servers', definition)).headers.get('location') ?? '';
    expect((await portal.ask('GET', at)).json()).toMatchObject(definition);
    const list = (await portal.ask('GET', '/api/oidc_servers')).json();
    const published = JSON.parse(example('oidc-servers-response')) as { servers: object[] };
    expect(Object.keys(list)).toEqual(Object.keys(published));
    for (const server of list['servers'] as object[]) {
      expect(Object.keys(server)).toEqual(Object.keys(published.servers[0] ?? {}));
    }
  });
});

describe('a batch job', () => {
  it("without a portal's token goes with our own, through all its states", async () => {
    portal.responder.set({ status: { pollsBeforeDone: 1 } });
    const first = await post({});
    const job = first.json<BatchJob>();
    expect([job.batchStatus, job.startTime, job.endTime]).toEqual(['STARTING', null, null]);
    const started = await portal.until(`${path}/batch_job/${job.batchJobId}`, ['STARTED']);
    expect(typeof started.startTime).toBe('string');
    const again = (await post({})).json<BatchJob>();
    expect([again.batchJobId, again.taskId]).toEqual([job.batchJobId, job.taskId]);
    const done = await ended(first, 'COMPLETED');
    const times = [done.createTime, done.startTime, done.endTime].map((time) => Date.parse(time ?? ''));
    expect([...times].sort((one, other) => one - other)).toEqual(times);
    expect(done.lastUpdated).toBe(done.endTime);
    const next = (await post({})).json<BatchJob>();
    expect(next.batchJobId).toBeGreaterThan(job.batchJobId);
    await portal.until(`${path}/batch_job/${next.batchJobId}`, ['COMPLETED']);
  });

  it('that is cancelled is STOPPING until it has stopped', async () => {
    portal.responder.set({ status: { pollsBeforeDone: 1000 } });
    const answer = await post({});
    const { batchJobId, taskId } = answer.json<BatchJob>();
    const at = `${path}/batch_job/${batchJobId}`;
    await portal.until(at, ['STARTED']);
    // The DELETE of the export takes as long.
    portal.responder.set({ latencyMs: 1000 });
    expect((await portal.payer.ask('POST', `Task/${taskId}/$cancel`, '')).status).toBe(202);
    expect((await portal.ask('GET', at)).json<BatchJob>().batchStatus).toBe('STOPPING');
    const stopped = await portal.until(at, ['STOPPED']);
    expect(typeof stopped.endTime).toBe('string');
  });

  it('whose payer refuses is FAILED', async () => {
    portal.responder.set({ kickOff: { failures: [{ times: 1, status: 403, code: 'forbidden' }] } });
    expect((await taskOf(await ended(await post({}), 'FAILED'))).statusReason?.coding?.[0]?.code).toBe(
      'export-refused',
    );
  });

  it('is known to its own payer alone', async () => {
    const { batchJobId } = await ended(await post({}), 'COMPLETED');
    const other = await portal.define({ issuer: 'https://other.example' });
    const paths = [`${other}/batch_job/${batchJobId}`, `${path}/batch_job/999999`, `${path}/batch_job/x`];
    for (const at of paths) expect((await portal.ask('GET', at)).status).toBe(404);
  });
});

describe('the request to run', () => {
  it('that is an export of one type brings that type', async () => {
    const before = kickOffs().length;
    portal.responder.set({ kickOff: { instanceLevel: true } });
    const done = await ended(
      await post({ patientId: undefined, fhirBundleRequest: 'Patient/p1/$export?_type=Encounter' }),
      'COMPLETED',
    );
    expect(kickOffs().slice(before)).toEqual([expect.stringContaining('/Patient/p1/$export')]);
    expect(countsOf(await taskOf(done))).toMatchObject({ Encounter: 3 });
    expect(countsOf(await taskOf(done))).not.toHaveProperty('Observation');
  });

  it('that is a search brings what it finds, and nothing is learned of the payer from it', async () => {
    portal.responder.set({ search: { enabled: true } });
    const done = await ended(await post({ fhirBundleRequest: 'Observation?patient=p1' }), 'COMPLETED');
    expect(countsOf(await taskOf(done))).toMatchObject({ Observation: SAMPLE_MEMBER.lines['Observation']?.length });
    const known = (await portal.ask('GET', `${path}/preflight`)).json<{ export?: { form: string } }>();
    expect(known.export?.form).not.toBe('search');
  });

  it('of another member than the one that is named is refused', async () => {
    const answer = await post({ patientId: 'p2', fhirBundleRequest: 'Patient/p1/$everything' });
    expect([answer.status, fieldOf(answer)]).toEqual([400, 'sourcePayer.patientId']);
  });
});

describe('what is wrong', () => {
  it.each<[string, object, object, number, string]>([
    ['an export of everybody', { fhirBundleRequest: '$export' }, {}, 400, 'sourcePayer.fhirBundleRequest'],
    ['no member', { patientId: undefined }, {}, 400, 'sourcePayer.patientId'],
    ['a member id that is none', { patientId: 'a b' }, {}, 400, 'sourcePayer.patientId'],
    ['an unknown field', { oidctoken: 'x' }, {}, 400, 'sourcePayer.oidctoken'],
    ['an unknown patient', {}, { patientId: 'nobody' }, 422, 'targetPayer.patientId'],
    ['an unknown organization', {}, { organizationId: 'nobody' }, 422, 'targetPayer.organizationId'],
  ])('%s is refused, and the field named', async (_what, source, target, status, field) => {
    const answer = await post(source, target);
    expect([answer.status, fieldOf(answer)]).toEqual([status, field]);
  });

  it('is never a token in the answer', async () => {
    const answer = await post({ oidcToken: 'sentinel-of-a-token', fhirBundleRequest: '$export' });
    expect([answer.status, answer.text.includes('sentinel')]).toEqual([400, false]);
  });
});

describe('the organization that the records are for', () => {
  it('stands in the Provenance of the exchange where the profile has it', async () => {
    await portal.payer.ask(
      'PUT',
      'Organization/sister',
      JSON.stringify({ resourceType: 'Organization', id: 'sister' }),
    );
    const done = await ended(await post({}, { organizationId: 'sister', patientId: await newPatient() }), 'COMPLETED');
    const { output = [] } = await taskOf(done);
    const reference = output.find(({ type }) => type.coding?.[0]?.code === 'provenance')?.valueReference?.reference;
    const provenance = (await portal.payer.ask('GET', reference ?? '')).json<Provenance>();
    expect(JSON.stringify(provenance.agent)).toContain('Organization/sister');
  });
});

async function newPatient(): Promise<string> {
  await portal.payer.ask('PUT', 'Patient/local-2', '{"resourceType":"Patient","id":"local-2"}');
  return 'local-2';
}

const fieldOf = (answer: Answer): string | undefined => answer.json<{ error: { field?: string } }>().error.field;

function countsOf({ output = [] }: Task): Record<string, number | undefined> {
  const counts = output.filter(({ type }) => type.coding?.[0]?.code === 'resource-count');
  return Object.fromEntries(counts.map(({ type, valueUnsignedInt }) => [type.text ?? '', valueUnsignedInt]));
}
