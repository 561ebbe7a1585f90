import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { renderTask } from '../../../fhir/task.ts';
import type { StoredResource } from '../../../store/fhir-store.ts';
import { startExchange } from '../../support/requester/exchange.ts';
import { endOf, LOCAL_PATIENT, payerDefinition, startRequester } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { countOf, SAMPLE_LINES, SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

let responder: Responder;
let requester: Requester;
let taskId: string;
let imported: readonly StoredResource[];

async function compartment(): Promise<StoredResource[]> {
  const patientIds = (await requester.fhir.linkedPatients(LOCAL_PATIENT)).filter((id) => id !== LOCAL_PATIENT);
  const found: StoredResource[] = [];
  for await (const each of requester.fhir.memberCompartment({ patientIds, includeEvidence: true })) found.push(each);
  return found;
}

const ofType = (type: string): StoredResource[] => imported.filter((each) => each.type === type);
const parsed = (resource: StoredResource | undefined): Record<string, unknown> =>
  JSON.parse(resource?.text ?? '{}') as Record<string, unknown>;

beforeAll(async () => {
  responder = await startResponder({
    members: [SAMPLE_MEMBER],
    behaviour: { manifest: { linesPerFile: 10 }, status: { pollsBeforeDone: 2, retryAfter: null } },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([server]);
  taskId = await startExchange(requester);
  await endOf(requester, taskId);
  imported = await compartment();
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

describe('an exchange with a payer written from the specifications', () => {
  it('completes its Task', async () => {
    const task = await requester.tasks.read(taskId);
    expect([task.status, task.businessStatus, task.reason]).toEqual(['completed', 'done', undefined]);
  });

  it('stores every record that was delivered', () => {
    const own = imported.filter(({ type, evidence }) => !evidence && type !== 'Provenance');
    expect(own).toHaveLength(countOf(SAMPLE_LINES) - 1);
  });

  it('keeps the digits of decimals and unknown fields', () => {
    const texts = ofType('Observation').map(({ text }) => text);
    expect(texts.filter((text) => text.includes('"value":1.10,'))).toHaveLength(1);
    expect(texts.every((text) => text.includes('"unknownField":{"x":1.500}'))).toBe(true);
  });

  it('points references to the imported resources', async () => {
    const observation = parsed(ofType('Observation')[0]);
    const encounter = (observation['encounter'] as { reference: string }).reference.split('/')[1] ?? '';
    expect(await requester.fhir.read('Encounter', encounter)).toBeDefined();
  });

  it('resolves a conditional reference to the delivered resource', async () => {
    const observation = parsed(ofType('Observation')[0]) as { performer: { reference: string }[] };
    const [type, id = ''] = observation.performer[0]?.reference.split('/') ?? [];
    expect(type).toBe('Practitioner');
    expect(await requester.fhir.read('Practitioner', id)).toBeDefined();
  });

  it('keeps a reference to what was never delivered as a logical one', () => {
    const encounter = parsed(ofType('Encounter')[0]) as { serviceProvider: Record<string, unknown> };
    expect(encounter.serviceProvider['reference']).toBeUndefined();
    expect(encounter.serviceProvider['identifier']).toEqual({
      system: 'urn:example:responder-ids',
      value: 'Organization/not-delivered',
    });
  });

  it('tags the records, names their payer and keeps their ids', () => {
    const patient = parsed(ofType('Patient')[0]) as {
      meta: { source: string; tag: { code: string }[] };
      identifier: { system: string; value: string }[];
    };
    expect(patient.meta.source).toBe(responder.baseUrl);
    expect(patient.meta.tag.map(({ code }) => code)).toEqual(['migrated']);
    expect(patient.identifier).toContainEqual({ system: 'urn:example:responder-ids', value: 'p1' });
  });

  it('links the two Patients and changes nothing else of the local one', async () => {
    const [now, before] = await requester.fhir.history('Patient', LOCAL_PATIENT);
    const { link, meta: _meta, ...rest } = parsed(now);
    const { meta: _before, ...former } = parsed(before);
    expect(link).toEqual([{ other: { reference: `Patient/${ofType('Patient')[0]?.id ?? ''}` }, type: 'seealso' }]);
    expect(rest).toEqual(former);
  });

  it('keeps each file as it was received', async () => {
    const documents = ofType('DocumentReference').map(parsed) as {
      content: { attachment: { data: string; size: number } }[];
    }[];
    const kept = documents.map(({ content }) => {
      const binary = Buffer.from(content[0]?.attachment.data ?? '', 'base64').toString('utf8');
      return Buffer.from((JSON.parse(binary) as { data: string }).data, 'base64').toString('utf8');
    });
    const lines = kept.flatMap((text) => text.split('\n').filter((line) => line !== ''));
    expect(lines.sort()).toEqual(Object.values(SAMPLE_LINES).flat().sort());
  });

  it('writes a Provenance that names every record, shared ones included', () => {
    const targets = ofType('Provenance').flatMap((each) =>
      (parsed(each)['target'] as { reference: string }[]).map(({ reference }) => reference),
    );
    expect(targets).toHaveLength(countOf(SAMPLE_LINES));
    expect(targets.some((target) => target.startsWith('Practitioner/'))).toBe(true);
  });

  it('counts in the Task what arrived and what became of it', async () => {
    const task = renderTask(await requester.tasks.read(taskId));
    const counts = (task.output ?? []).filter((output) => output.type.coding?.[0]?.code === 'resource-count');
    const byType = Object.fromEntries(counts.map((output) => [output.type.text ?? '', output.valueUnsignedInt]));
    expect(byType).toEqual(
      Object.fromEntries(Object.entries(SAMPLE_LINES).map(([type, { length }]) => [type, length])),
    );
  });

  it('tells the payer that its export may go', () => {
    const deleted = responder.requests.filter(({ method }) => method === 'DELETE');
    expect(deleted).toHaveLength(1);
  });

  it('writes no name, id or token of the member to the log', () => {
    const log = requester.logLines.join('');
    expect(log).not.toMatch(/Person|M-1|1974-12-25|Bearer/);
  });
});

describe('the same exchange again', () => {
  it('makes no new version and no second Provenance', async () => {
    const again = await startExchange(requester);
    const task = await endOf(requester, again);
    expect(task.status).toBe('completed');
    const now = await compartment();
    const versions = (all: readonly StoredResource[]): string[] =>
      all.filter(({ evidence }) => !evidence).map(({ type, id, versionId }) => `${type}/${id}/${versionId}`);
    expect(versions(now)).toEqual(versions(imported));
  });
});
