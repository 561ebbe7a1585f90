import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TaskState } from '../../../fhir/task.ts';
import { startExchange } from '../../support/requester/exchange.ts';
import { endOf, LOCAL_PATIENT, payerDefinition, startRequester } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

const uuid = (digit: number): string => `3c9b1f6e-0000-4000-8000-00000000000${digit}`;
const urn = (digit: number): string => `urn:uuid:${uuid(digit)}`;
const reference = (digit: number): string => `{"reference":"${urn(digit)}"}`;
const subject = '"subject":{"reference":"Patient/p1"}';

/** 1 is a Practitioner, 2 an Observation that is imported after it, 3 comes twice, 9 never. */
const LINES = {
  Patient: ['{"resourceType":"Patient","id":"p1","name":[{"family":"Person"}],"birthDate":"1974-12-25"}'],
  Practitioner: [
    `{"resourceType":"Practitioner","id":"${uuid(1)}","extension":[{"url":"u","valueReference":${reference(2)}}]}`,
  ],
  Observation: [
    `{"resourceType":"Observation","id":"${uuid(2)}","status":"final","code":{},"subject":{"reference":"urn:uuid:p1"},"performer":[${reference(1)}],"focus":[${reference(3)},${reference(9)}]}`,
  ],
  Encounter: [`{"resourceType":"Encounter","id":"${uuid(3)}","status":"finished","class":{"code":"AMB"},${subject}}`],
  Condition: [`{"resourceType":"Condition","id":"${uuid(3)}",${subject}}`],
};

let responder: Responder;
let requester: Requester;
let task: TaskState;
const stored = new Map<string, { readonly id: string; readonly text: string }>();

beforeAll(async () => {
  responder = await startResponder({ members: [{ patientId: 'p1', memberId: 'M-1', lines: LINES }] });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([server]);
  task = await endOf(requester, await startExchange(requester));
  const patientIds = await requester.fhir.linkedPatients(LOCAL_PATIENT);
  for await (const each of requester.fhir.memberCompartment({ patientIds, origin: 'imported' })) {
    stored.set(each.type, each);
  }
  const { resources } = await requester.fhir.search({ type: 'Practitioner', count: 1 });
  for (const each of resources) stored.set(each.type, each);
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

const textOf = (type: string): string => stored.get(type)?.text ?? '';
const leadsTo = (type: string): string => `"reference":"${type}/${stored.get(type)?.id ?? ''}"`;

describe('a reference by urn:uuid without a type', () => {
  it('leads to the resource with that id, of whatever type', () => {
    expect(task.status).toBe('completed');
    expect(textOf('Observation')).toContain(leadsTo('Practitioner'));
    expect(textOf('Observation')).toContain(`"valueString":"${urn(1)}"`);
  });

  it('leads to one that comes in a later file, too', () => {
    expect(textOf('Practitioner')).toContain(leadsTo('Observation'));
    expect(textOf('Practitioner')).not.toContain(`"reference":"${urn(2)}"`);
  });

  it('leads to the member', () => {
    expect(textOf('Observation')).toContain(`"subject":{${leadsTo('Patient')}`);
  });

  it('stays where it leads to two resources, or to none, and that is told', () => {
    expect(textOf('Observation')).toContain(reference(3));
    expect(textOf('Observation')).toContain(reference(9));
    expect(JSON.stringify(task.output)).toContain('2 references by URN');
  });

  it('is never asked of the payer', () => {
    expect(responder.requests.filter(({ path }) => /urn:|Resource\//.test(path))).toEqual([]);
  });
});
