import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { TaskState } from '../../../fhir/task.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';
import { startExchange } from '../../support/requester/exchange.ts';
import { endOf, LOCAL_PATIENT, payerDefinition, startRequester } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

let responder: Responder;
let requester: Requester;

const posted = (): string => {
  const { parameter, ...rest } = matchParameters() as { parameter: { name: string }[] };
  return JSON.stringify({ ...rest, parameter: parameter.filter(({ name }) => name !== 'CoverageToLink') });
};

async function exchange(): Promise<TaskState> {
  responder.requests.length = 0;
  return endOf(requester, await startExchange(requester, { matchParameters: posted() }));
}

beforeAll(async () => {
  responder = await startResponder({
    members: [SAMPLE_MEMBER],
    behaviour: { match: { coverageToLinkRequired: true }, status: { retryAfter: null } },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl, { coverageToLink: 'always' });
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([server]);
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

it('a payer that wants CoverageToLink refuses a match without, and the Task says that none was to be had', async () => {
  const task = await exchange();
  expect([task.status, task.businessStatus]).toEqual(['failed', 'match-member']);
  expect(JSON.stringify(task.output)).toContain('coverage-to-link-missing');
});

it('a payer that wants CoverageToLink gets the local patient’s active coverage', async () => {
  const organization =
    '{"resourceType":"Organization","id":"own-payer","identifier":[{"system":"urn:naic","value":"7"}],"name":"Us"}';
  const coverage = `{"resourceType":"Coverage","id":"own-1","status":"active","subscriberId":"S-77","relationship":{"coding":[{"code":"self"}]},"beneficiary":{"reference":"Patient/${LOCAL_PATIENT}"},"payor":[{"reference":"Organization/own-payer"}]}`;
  await requester.fhir.write([
    { kind: 'update', type: 'Organization', id: 'own-payer', text: organization },
    { kind: 'update', type: 'Coverage', id: 'own-1', text: coverage },
  ]);
  const task = await exchange();
  expect(task.status).toBe('completed');
  expect(JSON.stringify(task.output)).toContain('match-adapted');
});
