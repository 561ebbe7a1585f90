import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startExchange } from '../../support/requester/exchange.ts';
import { endOf, payerDefinition, startRequester } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import type { PayerKnowledge } from '../../../store/payer-knowledge.ts';

let responder: Responder;
let requester: Requester;
let payer: OidcServer;
let afterFirst: PayerKnowledge;
let firstRequests: string[];
let secondRequests: string[];

const kickOffs = (): string[] =>
  responder.requests.map(({ method, path }) => `${method} ${path}`).filter((each) => each.includes('$export'));

beforeAll(async () => {
  responder = await startResponder({
    members: [SAMPLE_MEMBER],
    behaviour: {
      match: { memberId: 'none' },
      kickOff: { typeLevel: false, instanceLevel: true },
      status: { retryAfter: null },
      files: { gzip: false, faults: { types: ['Observation'], cut: { afterBytes: 2000, times: 1 } } },
    },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  payer = server;
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([server]);
  await endOf(requester, await startExchange(requester));
  afterFirst = await requester.knowledge.load(payer);
  firstRequests = responder.requests.map(({ method, path }) => `${method} ${path}`);
  responder.requests.length = 0;
  await endOf(requester, await startExchange(requester));
  secondRequests = responder.requests.map(({ method, path }) => `${method} ${path}`);
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

describe('what an exchange has taught of a payer', () => {
  it('is the form that it took, and how long the export ran', () => {
    expect(afterFirst.export).toMatchObject({ form: 'instance-level', seconds: expect.any(Number) });
  });

  it('is the form that it does not have, with the status that said so', () => {
    expect(afterFirst.refusedForms).toMatchObject({ 'type-level': { status: 404 } });
  });

  it('is what a match answers with, and how an identifier is looked up', () => {
    expect([afterFirst.matchAnswer, afterFirst.lookup]).toEqual(['identifier', 'POST']);
  });

  it('is what its CapabilityStatement says, which the next exchange does not read again', () => {
    expect(afterFirst.capabilities?.readAt).toEqual(expect.any(String));
    expect(firstRequests.some((each) => each.includes('/metadata'))).toBe(true);
    expect(secondRequests.some((each) => each.includes('/metadata'))).toBe(false);
  });

  it('lets the next exchange begin with the form that worked', () => {
    const asked = kickOffs();
    expect(asked[0]).toMatch(/^POST .*\/Patient\/p1\/\$export/);
    expect(asked.some((each) => each.includes('/Patient/$export'))).toBe(false);
  });

  it('is nothing where the payer has moved to another endpoint', async () => {
    expect(await requester.knowledge.load({ ...payer, fhirEndpoint: 'https://elsewhere.example/fhir' })).toEqual({});
  });

  it('names no member', () => {
    expect(JSON.stringify(afterFirst)).not.toMatch(/p1|M-1|Person/);
  });
});
