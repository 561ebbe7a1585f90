import type { Task } from 'fhir/r4.js';
import { repetitionDeps } from '../../../cli/wire-repetitions.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';
import { reserveAddress, startTestPayer, taskOf } from '../payer.ts';
import type { Answer, TestPayer } from '../payer.ts';
import { startResponder } from '../responder/responder.ts';
import type { Responder } from '../responder/responder.ts';
import { LOCAL_PATIENT, payerDefinition, RESPONDING_ORGANIZATION } from './requester.ts';
import { SAMPLE_MEMBER } from './sample-record.ts';

export const OTHER_PATIENT = 'local-2';
const TYPES = 'Patient,Observation';

/** A payer whose exchanges with a responding payer are repeated. */
export interface RepeatingPayer {
  readonly payer: TestPayer;
  readonly responder: Responder;
  readonly deps: ReturnType<typeof repetitionDeps>;
  /** One exchange from its request to its end. */
  exchange(localPatientId?: string, match?: object): Promise<Task>;
  repeat(taskId: string, body?: string): Promise<Answer>;
  endRepeat(taskId: string): Promise<Answer>;
  stop(): Promise<void>;
}

/** The body of `$repeat`. */
export const every = (duration: string, until?: string): string =>
  JSON.stringify({
    resourceType: 'Parameters',
    parameter: [
      { name: 'every', valueString: duration },
      ...(until === undefined ? [] : [{ name: 'until', valueDate: until }]),
    ],
  });

export async function startRepeatingPayer(): Promise<RepeatingPayer> {
  const responder = await startResponder({
    members: [SAMPLE_MEMBER],
    behaviour: { status: { pollsBeforeDone: 0, retryAfter: null } },
  });
  const payer = await startRequestingPayer(responder);
  const deps = repetitionDeps(payer.wiring);
  const endRepeat = (taskId: string): Promise<Answer> => payer.ask('POST', `Task/${taskId}/$end-repeat`);
  return {
    ...{ payer, responder, deps, endRepeat },
    async exchange(localPatientId = LOCAL_PATIENT, match) {
      const body = invocation(responder.baseUrl, localPatientId, match);
      const answer = await payer.ask('POST', 'Patient/$invoke-export', body);
      return taskOf(payer, `Task/${answer.json<Task>().id ?? ''}`);
    },
    repeat: (taskId, body = every('P3M')) => payer.ask('POST', `Task/${taskId}/$repeat`, body),
    async stop() {
      for (const taskId of await deps.repetitions.going()) await endRepeat(taskId);
      await payer.stop();
      await responder.close();
    },
  };
}

async function startRequestingPayer(responder: Responder): Promise<TestPayer> {
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  const { name, issuer, clientId, privateJwk, fhirEndpoint, organizationId } = server;
  const payer = await startTestPayer(await reserveAddress(), {
    organizations: [{ resourceType: 'Organization', id: RESPONDING_ORGANIZATION }],
    oidcServers: [{ name, issuer, clientId, privateJwk, fhirEndpoint, organizationId }],
    oidcClients: [{ clientId: 'partner', name: 'Partner', clientSecret: 'secret-of-partner', scopes: 'system/*.rs' }],
  });
  for (const id of [LOCAL_PATIENT, OTHER_PATIENT]) {
    await payer.ask('PUT', `Patient/${id}`, JSON.stringify({ resourceType: 'Patient', id }));
  }
  return payer;
}

function invocation(
  sourceIssuerUrl: string,
  localPatientId: string,
  match: object = matchParameters() as object,
): string {
  const parameter = [
    { name: 'localPatient', valueReference: { reference: `Patient/${localPatientId}` } },
    { name: 'sourceIssuerUrl', valueString: sourceIssuerUrl },
    { name: 'memberMatch', resource: match },
    { name: 'export', part: [{ name: '_type', valueString: TYPES }] },
  ];
  return JSON.stringify({ resourceType: 'Parameters', parameter });
}
