import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import type { TaskState } from '../../../fhir/task.ts';
import { readKept } from '../../../store/kept-content.ts';
import type { StoredResource } from '../../../store/fhir-store.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';
import { endOf, payerDefinition, startRequester, TEST_LIMITS } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { defaultBehaviour } from '../../support/responder/options.ts';
import type { Behaviour, Patch } from '../../support/responder/options.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const MEMBER = {
  patientId: 'p1',
  memberId: 'M-1',
  lines: {
    Patient: ['{"resourceType":"Patient","id":"p1","name":[{"family":"Person"}],"birthDate":"1974-12-25"}'],
    Observation: [
      '{"resourceType":"Observation","id":"o1","status":"final","code":{},"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e1"},"performer":[{"reference":"PractitionerRole/r1"},{"reference":"Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|777"}]}',
      '{"resourceType":"Observation","id":"o2","status":"final","code":{},"subject":{"reference":"Patient/p1"},"performer":[{"reference":"Organization/nowhere"}]}',
    ],
  },
  undelivered: {
    PractitionerRole: [
      '{"resourceType":"PractitionerRole","id":"r1","organization":{"reference":"Organization/org1"},"availableTime":[{"x":1.50}]}',
    ],
    Organization: ['{"resourceType":"Organization","id":"org1","name":"Clinic"}'],
    Practitioner: [`{"resourceType":"Practitioner","id":"dr7","identifier":[{"system":"${NPI}","value":"777"}]}`],
    Encounter: [
      '{"resourceType":"Encounter","id":"e1","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p1"}}',
    ],
  },
};
const FETCHED = ['Encounter', 'Organization', 'Practitioner', 'PractitionerRole'];

let responder: Responder;
let requester: Requester;
let definition: OidcServer;
const servers: OidcServer[] = [];

beforeAll(async () => {
  responder = await startResponder({ members: [MEMBER] });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  definition = server;
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  servers.push(server);
  requester = await startRequester(servers, { maxFetchedReferences: 20 });
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

beforeEach(() => {
  Object.assign(responder.behaviour, defaultBehaviour());
  responder.set({ status: { retryAfter: null } });
  responder.requests.length = 0;
});

/** A member's record of its own for each test: the local patient is another one. */
async function exchange(
  patient: string,
  behaviour: Patch<Behaviour> = {},
  exportEntries: readonly string[] = [],
): Promise<TaskState> {
  responder.set({ search: { enabled: true } });
  responder.set(behaviour);
  const text = `{"resourceType":"Patient","id":"${patient}"}`;
  await requester.fhir.write([{ kind: 'update', type: 'Patient', id: patient, text }]);
  const pid = servers.length + 1;
  servers.push({ ...definition, pid });
  const { taskId } = await requester.exchanges.open({
    ...{ payerPid: pid, organizationId: `org-of-${patient}`, localPatientId: patient, warnings: [] },
    request: { matchParameters: JSON.stringify(matchParameters()), exportEntries },
  });
  await requester.runs.start({ taskId, payerPid: pid, limits: TEST_LIMITS, skipMatch: false });
  return endOf(requester, taskId);
}

const countsOf = (task: TaskState): Record<string, number> =>
  Object.fromEntries(
    task.output.flatMap((each) => (each.kind === 'resource-count' ? [[each.count.type, each.count.new]] : [])),
  );

async function recordOf(patient: string, type: string, holding = ''): Promise<StoredResource | undefined> {
  const patientIds = await requester.fhir.linkedPatients(patient);
  for await (const found of requester.fhir.memberCompartment({ patientIds, types: [type], origin: 'imported' })) {
    if (!found.evidence && found.text.includes(holding)) return found;
  }
  return undefined;
}

const fetchedTypes = (task: TaskState): string[] =>
  Object.keys(countsOf(task)).filter((type) => FETCHED.includes(type));

describe('what records point to and an export left out', () => {
  it('is read one by one, and what that points to as well', async () => {
    const task = await exchange('by-reads');
    expect([task.status, fetchedTypes(task)]).toEqual(['completed', FETCHED]);
  });

  it('is pointed to by the records then, also where they did so by an identifier', async () => {
    await exchange('linked');
    const observation = JSON.parse((await recordOf('linked', 'Observation', '"encounter"'))?.text ?? '{}') as {
      encounter?: { reference?: string };
      performer?: { reference?: string }[];
    };
    const encounter = await recordOf('linked', 'Encounter');
    expect(observation.encounter?.reference).toBe(`Encounter/${encounter?.id ?? ''}`);
    for (const { reference = '' } of observation.performer ?? []) {
      const [type = '', id = ''] = reference.split('/');
      expect((await requester.fhir.read(type, id))?.text).toBeDefined();
    }
  });

  it('is read by batch where the payer names that', async () => {
    const task = await exchange('by-batch', { batch: { enabled: true }, discovery: { truthful: true } });
    expect(fetchedTypes(task)).toEqual(FETCHED);
    expect(responder.requests.some(({ method, path }) => method === 'GET' && path.endsWith('/Encounter/e1'))).toBe(
      false,
    );
  });

  it('is kept as received, in a file of its own', async () => {
    const task = await exchange('kept');
    const files = await requester.files.list(task.id);
    const own = files.find(({ type }) => type === undefined);
    let text = '';
    for await (const part of readKept(requester.blobs, own ?? { keptBlob: undefined, keptEncoding: undefined })) {
      text += Buffer.from(part).toString('utf8');
    }
    expect(text).toContain('"availableTime":[{"x":1.50}]');
    expect(task.output.filter(({ kind }) => kind === 'document-reference')).toHaveLength(files.length);
  });

  it('that the payer does not give is told, and stays a logical reference', async () => {
    const task = await exchange('refused', { reads: { refusedWith: 403 } });
    expect([task.status, fetchedTypes(task)]).toEqual(['completed', []]);
    expect(JSON.stringify(task.output)).toContain('open-references');
  });

  it('is not read where _type did not ask for it', async () => {
    const entry = JSON.stringify({ name: '_type', valueString: 'Patient,Observation,Organization' });
    const task = await exchange('typed', {}, [entry]);
    expect([task.status, fetchedTypes(task)]).toEqual(['completed', []]);
    expect(responder.requests.some(({ path }) => path.includes('/Encounter/'))).toBe(false);
  });

  it('of the member’s own record is not read where the export was narrowed', async () => {
    const entry = JSON.stringify({ name: '_since', valueInstant: '2020-01-01T00:00:00Z' });
    const task = await exchange('since', {}, [entry]);
    expect(fetchedTypes(task)).toEqual(['Organization', 'Practitioner', 'PractitionerRole']);
  });

  it('is asked for again after an error that passes', async () => {
    const task = await exchange('passing', { reads: { failures: [{ times: 2, status: 503 }] } });
    expect([task.status, fetchedTypes(task)]).toEqual(['completed', FETCHED]);
  });

  it('is read up to the configured number alone', async () => {
    const many = Array.from(
      { length: 40 },
      (_, n) =>
        `{"resourceType":"Observation","id":"m${n}","status":"final","code":{},"subject":{"reference":"Patient/p1"},"performer":[{"reference":"Organization/x${n}"}]}`,
    );
    const task = await exchange('bounded', { files: { extraLines: { Observation: many } } });
    const reads = responder.requests.filter(({ method, path }) => method === 'GET' && /\/Organization\/x/.test(path));
    expect(task.status).toBe('completed');
    expect(reads.length).toBeLessThanOrEqual(20);
  });
});

describe('an attachment that lies at the payer', () => {
  const document = (id: string, url: string): string =>
    `{"resourceType":"DocumentReference","id":"${id}","status":"current","subject":{"reference":"Patient/p1"},"content":[{"attachment":{"contentType":"text/plain","url":"${url}"}}]}`;
  const TEXT = 'What the doctor wrote: 1.50 é';

  async function attachmentOf(patient: string, original: string): Promise<{ url: string; text: string | undefined }> {
    const found = await recordOf(patient, 'DocumentReference', original);
    const { content } = JSON.parse(found?.text ?? '{}') as { content?: { attachment: { url: string } }[] };
    const url = content?.[0]?.attachment.url ?? '';
    const [type = '', id = ''] = url.split('/');
    const binary = type === 'Binary' ? await requester.fhir.read(type, id) : undefined;
    const data = (JSON.parse(binary?.text ?? '{}') as { data?: string }).data;
    return { url, text: data && Buffer.from(data, 'base64').toString('utf8') };
  }

  beforeAll(() => {
    responder.setMember({
      ...MEMBER,
      lines: {
        ...MEMBER.lines,
        DocumentReference: [
          document('by-binary', `${responder.baseUrl}/Binary/b1`),
          document('by-url', `${new URL(responder.baseUrl).origin}/attachments/note.txt`),
          document('elsewhere', 'https://files.example/note.txt'),
        ],
      },
      undelivered: {
        ...MEMBER.undelivered,
        Binary: [
          `{"resourceType":"Binary","id":"b1","contentType":"text/plain","data":"${Buffer.from(TEXT).toString('base64')}"}`,
        ],
      },
      attachments: { 'note.txt': { contentType: 'text/plain', base64: Buffer.from(TEXT).toString('base64') } },
    });
  });

  it.each(['by-binary', 'by-url'])('(%s) is fetched with the token and kept as a Binary of the member', async (id) => {
    const task = await exchange(`attached-${id}`);
    const { url, text } = await attachmentOf(`attached-${id}`, `"${id}"`);
    expect([task.status, text]).toEqual(['completed', TEXT]);
    const binary = await requester.fhir.read('Binary', url.split('/')[1] ?? '');
    const [, imported] = await requester.fhir.linkedPatients(`attached-${id}`);
    expect(binary?.patientId).toBe(imported);
  });

  it('is asked for with the token by its own host alone', async () => {
    await exchange('attached-token');
    const request = responder.requests.find(({ path }) => path.includes('/attachments/'));
    expect(request?.headers['authorization']).toMatch(/^Bearer /);
  });

  it('on a host that nobody allowed stays where it is, and is told', async () => {
    const task = await exchange('attached-elsewhere');
    expect((await attachmentOf('attached-elsewhere', '"elsewhere"')).url).toBe('https://files.example/note.txt');
    expect(JSON.stringify(task.output)).toContain('attachments whose content was not delivered');
  });

  it('that the payer refuses stays where it is', async () => {
    const task = await exchange('attached-refused', { reads: { refusedWith: 403 } });
    expect([task.status, (await attachmentOf('attached-refused', '"by-binary"')).url]).toEqual([
      'completed',
      `${responder.baseUrl}/Binary/b1`,
    ]);
  });
});
