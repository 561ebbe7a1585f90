import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Linkage } from 'fhir/r4.js';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import type { TaskState } from '../../../fhir/task.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';
import { endOf, payerDefinition, startRequester, TEST_LIMITS } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

const npi = (value: string): string => `"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"${value}"}]`;
const NATIVE = `{"resourceType":"Practitioner","id":"ours",${npi('111')},"name":[{"family":"As we have it"}]}`;

let responder: Responder;
let requester: Requester;
let definition: OidcServer;
const tasks: TaskState[] = [];

async function exchange(organization: string, pid: number, local = `local-of-${organization}`): Promise<TaskState> {
  const text = `{"resourceType":"Patient","id":"${local}"}`;
  await requester.fhir.write([{ kind: 'update', type: 'Patient', id: local, text }]);
  const { taskId } = await requester.exchanges.open({
    ...{ payerPid: pid, organizationId: organization, localPatientId: local, warnings: [] },
    request: { matchParameters: JSON.stringify(matchParameters()), exportEntries: [] },
  });
  await requester.runs.start({ taskId, payerPid: pid, limits: TEST_LIMITS, skipMatch: false });
  return endOf(requester, taskId);
}

async function linkagesOf(task: TaskState): Promise<Linkage[]> {
  const ids = await requester.fhir.generatedIds(task.id, 'Linkage');
  const found = await Promise.all(ids.map((id) => requester.fhir.read('Linkage', id)));
  return found.map((each) => JSON.parse(each?.text ?? '{}') as Linkage);
}

const pairsOf = (linkages: readonly Linkage[]): string[][] =>
  linkages.map(({ item }) => item.map(({ type, resource }) => `${type} ${resource.reference ?? ''}`));

beforeAll(async () => {
  responder = await startResponder({
    members: [
      {
        patientId: 'p1',
        memberId: 'M-1',
        lines: {
          Patient: ['{"resourceType":"Patient","id":"p1","name":[{"family":"Person"}],"birthDate":"1974-12-25"}'],
          Practitioner: [
            `{"resourceType":"Practitioner","id":"d1",${npi('111')},"name":[{"family":"As they have it"}]}`,
            `{"resourceType":"Practitioner","id":"d2",${npi('222')}}`,
            `{"resourceType":"Practitioner","id":"d3",${npi('333')}}`,
          ],
        },
      },
    ],
    behaviour: { status: { retryAfter: null } },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  definition = server;
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([definition, { ...definition, pid: 2 }]);
  await requester.fhir.write([
    { kind: 'update', type: 'Practitioner', id: 'ours', text: NATIVE },
    ...['a', 'b'].map((id) => {
      const text = `{"resourceType":"Practitioner","id":"three-${id}",${npi('333')}}`;
      return { kind: 'update', type: 'Practitioner', id: `three-${id}`, text } as const;
    }),
  ]);
  tasks.push(await exchange('payer-a', 1), await exchange('payer-b', 2), await exchange('payer-a', 1));
  tasks.push(await exchange('payer-a', 1, 'another-member'), await exchange('payer-c', 1));
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

describe('a practitioner that we hold already', () => {
  it('is linked with the one that came, and neither is changed', async () => {
    const [first] = tasks;
    const linkages = first === undefined ? [] : await linkagesOf(first);
    expect(pairsOf(linkages)).toEqual([
      ['source Practitioner/ours', expect.stringMatching(/^alternate Practitioner\/[0-9a-f]{40}$/)],
    ]);
    expect(linkages[0]?.author?.reference).toBe('Organization/own-payer');
    const ours = await requester.fhir.read('Practitioner', 'ours');
    expect(ours?.text).toContain('As we have it');
    expect(await requester.fhir.history('Practitioner', 'ours')).toHaveLength(1);
    const theirs = linkages[0]?.item[1]?.resource.reference?.split('/')[1] ?? '';
    expect((await requester.fhir.read('Practitioner', theirs))?.text).toContain('As they have it');
  });

  it('is linked with that of each payer, and what none of ours is meets in the first that came', async () => {
    const [, second] = tasks;
    const pairs = pairsOf(second === undefined ? [] : await linkagesOf(second)).sort();
    expect(pairs).toHaveLength(2);
    expect(pairs.map(([source]) => source)).toContain('source Practitioner/ours');
    expect(new Set(pairs.flat()).size).toBe(4);
  });

  it('is linked once, however often it comes', async () => {
    const [, , third] = tasks;
    expect(third === undefined ? undefined : await linkagesOf(third)).toEqual([]);
  });

  it('gets no second link when it comes for another member', async () => {
    const [, , , fourth] = tasks;
    expect(fourth === undefined ? undefined : await linkagesOf(fourth)).toEqual([]);
  });

  it('meets those of a third payer in the first that came, too', async () => {
    const [first, second, , , fifth] = tasks;
    const [before, after] = await Promise.all([second, fifth].map(async (task) => (task ? linkagesOf(task) : [])));
    const sources = (linkages: readonly Linkage[] = []): unknown =>
      pairsOf(linkages)
        .map(([source]) => source)
        .sort();
    expect(sources(after)).toHaveLength(2);
    expect(sources(after)).toEqual(sources(before));
    expect(JSON.stringify(first?.output)).toContain('1 practitioners, organizations or locations');
  });

  it('and was linked by hand otherwise stays so', async () => {
    const [id = ''] = await requester.fhir.generatedIds(tasks[0]?.id ?? '', 'Linkage');
    const text = (await requester.fhir.read('Linkage', id))?.text ?? '';
    await requester.fhir.write([
      { kind: 'update', type: 'Linkage', id, text: text.replace('"active":true', '"active":false') },
    ]);
    const again = await exchange('payer-a', 1, 'a-third-member');
    expect([again.status, await linkagesOf(again)]).toEqual(['completed', []]);
    expect((await requester.fhir.read('Linkage', id))?.text).toContain('"active":false');
  });

  it('under an identifier that several of ours carry is linked to none, and that is told', () => {
    expect(JSON.stringify(tasks[0]?.output)).toContain('known-ambiguous');
  });

  it('and its link are for the operator alone', async () => {
    const [id = ''] = await requester.fhir.generatedIds(tasks[0]?.id ?? '', 'Linkage');
    expect((await requester.fhir.read('Linkage', id))?.evidence).toBe(true);
  });
});
