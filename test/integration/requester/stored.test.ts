import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, DocumentReference, Patient, Provenance, Task } from 'fhir/r4.js';
import { answerOf, reserveAddress, startTestPayer, taskOf } from '../../support/payer.ts';
import type { TestPayer } from '../../support/payer.ts';
import { SAMPLE_LINES, SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';

let responder: Responder;
let payer: TestPayer;
let task: Task;

const SECRET = 'client-secret-0123456789';

beforeAll(async () => {
  responder = await startResponder({
    members: [SAMPLE_MEMBER],
    clients: [{ clientId: 'us', clientSecret: SECRET }],
    behaviour: { status: { pollsBeforeDone: 0 } },
  });
  payer = await startTestPayer(await reserveAddress(), {
    organizations: [
      { resourceType: 'Organization', id: 'old' },
      { resourceType: 'Organization', id: 'own' },
    ],
    ownOrganization: 'own',
    oidcServers: [
      {
        ...{ name: 'Old', issuer: responder.baseUrl, fhirEndpoint: responder.baseUrl, clientId: 'us' },
        ...{ clientSecret: SECRET, organizationId: 'old' },
      },
    ],
    oidcClients: [{ clientId: 'partner', name: 'Partner', clientSecret: SECRET }],
    mdmPatientIdentifier: { system: 'urn:example:own', type: 'MB' },
    provenanceProfile: 'pdex',
    provenanceVersionedReferences: true,
    import: { attachmentInlineBytes: 0 },
  });
  task = await exchange('local-1');
});

afterAll(async () => {
  await payer.stop();
  await responder.close();
});

async function exchange(local: string, exported: object[] = [], demographics: object = {}): Promise<Task> {
  const identifier = [{ system: 'urn:example:own', value: `own-${local}` }];
  await payer.ask(
    'PUT',
    `Patient/${local}`,
    JSON.stringify({ resourceType: 'Patient', id: local, identifier, ...demographics }),
  );
  const parameter = [
    { name: 'localPatient', valueReference: { reference: `Patient/${local}` } },
    { name: 'sourceIssuerUrl', valueString: responder.baseUrl },
    { name: 'memberMatch', part: (matchParameters() as { parameter: unknown }).parameter },
    ...(exported.length > 0 ? [{ name: 'export', part: exported }] : []),
  ];
  const body = JSON.stringify({ resourceType: 'Parameters', parameter });
  const answer = await payer.ask('POST', 'Patient/$sdh.s2s.invoke-export', body);
  return taskOf(payer, answer.headers.get('content-location') ?? '');
}

const referenceOf = (of: Task, code: string): string =>
  (of.output ?? []).find(({ type }) => type.coding?.[0]?.code === code)?.valueReference?.reference ?? '';

const warningsOf = (of: Task): string => JSON.stringify((of.contained ?? []).find(({ id }) => id === 'warnings') ?? {});

describe('a kept file above the inline limit', () => {
  let binary: string;
  let document: DocumentReference;

  beforeAll(async () => {
    const documents = (task.output ?? []).filter(({ type }) => type.coding?.[0]?.code === 'document-reference');
    const all = await Promise.all(
      documents.map(async ({ valueReference }) =>
        (await payer.ask('GET', valueReference?.reference ?? '')).json<DocumentReference>(),
      ),
    );
    document = all.find(({ description }) => description?.startsWith('Observation')) ?? (all[0] as DocumentReference);
    binary = document.content[0]?.attachment.url ?? '';
  });

  it('stands behind a Binary that streams the raw bytes', async () => {
    const answer = await payer.ask('GET', binary, undefined, { accept: 'application/fhir+ndjson' });
    expect(answer.text).toBe((SAMPLE_LINES['Observation'] ?? []).map((line) => `${line}\n`).join(''));
    expect(Buffer.byteLength(answer.text)).toBe(document.content[0]?.attachment.size);
  });

  it('is served in ranges', async () => {
    const answer = await payer.ask('GET', binary, undefined, {
      accept: 'application/fhir+ndjson',
      range: 'bytes=2-13',
    });
    expect([answer.status, answer.text]).toEqual([206, 'resourceType']);
  });

  it('is served as FHIR JSON with the bytes in base64', async () => {
    const { data } = (await payer.ask('GET', binary, undefined, { accept: 'application/fhir+json' })).json<{
      data: string;
    }>();
    expect(Buffer.from(data, 'base64').toString('utf8')).toContain('"id":"o24"');
  });

  it('is reached by no partner', async () => {
    const token = await payer.token('partner', SECRET, 'system/*.rs');
    for (const at of [binary, `DocumentReference/${document.id ?? ''}`]) {
      const response = await fetch(`${payer.fhirUrl}/${at}`, { headers: { authorization: `Bearer ${token}` } });
      expect((await answerOf(response)).status).toBe(404);
    }
  });
});

describe('the imported Patient', () => {
  it('gets the local patient’s identifier by which the two can be matched', async () => {
    const patient = (await payer.ask('GET', referenceOf(task, 'imported-patient'))).json<Patient>();
    expect(patient.identifier).toContainEqual(
      expect.objectContaining({ system: 'urn:example:own', value: 'own-local-1' }),
    );
  });

  it('is read from the payer where the export holds none', async () => {
    const narrowed = await exchange('local-2', [{ name: '_type', valueString: 'Encounter' }]);
    const patient = (await payer.ask('GET', referenceOf(narrowed, 'imported-patient'))).json<Patient>();
    expect([narrowed.status, patient.birthDate]).toEqual(['completed', '1974-12-25']);
  });

  it('that contradicts the local one is told by the element, never by what it says, and changes nothing', async () => {
    const local = { birthDate: '1999-01-31', gender: 'female' };
    const differing = await exchange('local-4', [], local);
    expect(warningsOf(differing)).toContain('"Patient.birthDate"');
    expect(warningsOf(differing)).not.toContain('"Patient.gender"');
    expect(warningsOf(differing)).not.toMatch(/1999|1974/);
    expect((await payer.ask('GET', 'Patient/local-4')).json<Patient>().birthDate).toBe('1999-01-31');
  });

  it('is a minimal one, with a warning, where the payer gives none', async () => {
    responder.set({ reads: { refusedWith: 403 } });
    const narrowed = await exchange('local-3', [{ name: '_type', valueString: 'Encounter' }]);
    responder.set({ reads: { refusedWith: null } });
    const patient = (await payer.ask('GET', referenceOf(narrowed, 'imported-patient'))).json<Patient>();
    expect([narrowed.status, patient.birthDate]).toEqual(['completed', undefined]);
    expect(warningsOf(narrowed)).toContain('patient-minimal');
  });
});

describe('the Provenance', () => {
  it('in the PDex form names Organizations alone', async () => {
    const provenance = (await payer.ask('GET', referenceOf(task, 'provenance'))).json<Provenance>();
    expect(provenance.agent.map(({ who }) => who.reference)).toEqual(['Organization/old', 'Organization/own']);
    expect(provenance.agent.every(({ onBehalfOf }) => onBehalfOf === undefined)).toBe(true);
  });

  it('names the versions that the exchange made, where that is configured', async () => {
    const provenance = (await payer.ask('GET', referenceOf(task, 'provenance'))).json<Provenance>();
    const targets = provenance.target.map(({ reference = '' }) => reference);
    const observation = targets.find((reference) => reference.startsWith('Observation/')) ?? '';
    expect(observation).toMatch(/^Observation\/[0-9a-f]{40}\/_history\/\d+$/);
    expect((await payer.ask('GET', observation)).status).toBe(200);
    expect(targets.filter((reference) => reference.startsWith('Practitioner/'))).toEqual([
      expect.not.stringContaining('_history'),
    ]);
  });
});

describe('a practitioner that we hold already', () => {
  it('is linked for the operator, and no partner learns of it', async () => {
    const text =
      '{"resourceType":"Practitioner","id":"ours","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"99999"}]}';
    await payer.ask('PUT', 'Practitioner/ours', text);
    const linked = await exchange('local-5');
    const found = (await payer.ask('GET', 'Linkage')).json<Bundle>();
    const id = found.entry?.[0]?.resource?.id ?? '';
    expect([linked.status, found.entry?.length]).toEqual(['completed', 1]);
    const token = await payer.token('partner', SECRET, 'system/*.rs');
    const asPartner = async (path: string) =>
      answerOf(await fetch(`${payer.fhirUrl}/${path}`, { headers: { authorization: `Bearer ${token}` } }));
    for (const path of [`Linkage/${id}`, `Linkage/${id}/_history`, `Linkage/${id}/_history/1`]) {
      expect([path, (await asPartner(path)).status]).toEqual([path, 404]);
    }
    const search = await asPartner(`Linkage?_id=${id}`);
    expect([search.status, search.json<Bundle>().entry ?? []]).toEqual([200, []]);
    expect((await asPartner('Practitioner/ours')).status).toBe(200);
  });
});

describe('both compartments of a member', () => {
  it('are found by a search for each of them, and no other', async () => {
    const imported = referenceOf(task, 'imported-patient').split('/')[1] ?? '';
    const found = (await payer.ask('GET', `Observation?patient=${imported}&_count=100`)).json<Bundle>();
    expect(found.entry).toHaveLength((SAMPLE_LINES['Observation'] ?? []).length);
  });
});
