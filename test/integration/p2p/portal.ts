import { randomBytes } from 'node:crypto';
import { createDataConverter } from '../../../temporal/data-converter.ts';
import { exchangeWorkflowId } from '../../../workflows/contract.ts';
import { payloadsOf, valueOf } from '../../support/histories.ts';
import { MEMBER_SCOPES, PORTAL_CLIENT, REDIRECT_URI, startMemberLogin } from '../../support/member-login.ts';
import type { MemberLogin } from '../../support/member-login.ts';
import { signIn } from '../../support/member-browser.ts';
import { answerOf, OPERATOR, reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { Answer, TestPayer } from '../../support/payer.ts';
import { SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

export interface BatchJob {
  readonly batchJobId: number;
  readonly batchStatus: string;
  readonly startTime: string | null;
  readonly createTime: string;
  readonly endTime: string | null;
  readonly lastUpdated: string;
  readonly jobConfigurationName: string;
  readonly taskId: string;
}

export interface MemberTokens {
  readonly oidcToken: string;
  readonly oidcRefreshToken: string | null;
  readonly patientId: string | null;
  readonly scope: string;
}

/** A payer with a portal, and the responding payer of its member, who signs in there. */
export interface Portal {
  readonly payer: TestPayer;
  readonly responder: Responder;
  readonly login: MemberLogin;
  /** One request to the P2P API as the operator. */
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Registers another way to reach the payer; answers its path. */
  define(changed: object): Promise<string>;
  /** Where the definition at this path sends the member. */
  authorizationUrl(path: string, wish?: object): Promise<string>;
  /** The member's way through the authorization code flow. */
  tokens(path: string): Promise<MemberTokens>;
  /** All that the run of an exchange wrote down, decrypted. */
  history(taskId: string): Promise<string>;
  /** The job when it has come to a state. */
  until(path: string, states: readonly string[]): Promise<BatchJob>;
  stop(): Promise<void>;
}

export const LOCAL_PATIENT = 'local-1';
export const OWN_ORGANIZATION = 'new-payer';
const ENDED = ['COMPLETED', 'FAILED', 'STOPPED'];

const isEnd = (state: string): boolean => ENDED.includes(state);

export async function startPortal(): Promise<Portal> {
  const responder = await startResponder({ members: [SAMPLE_MEMBER], behaviour: { kickOff: { requireMatch: false } } });
  const login = await startMemberLogin({
    patientOf: () => SAMPLE_MEMBER.patientId,
    onAccess: ({ token, patientId, scope, expiresInSeconds }) => {
      const expiresAt = Date.now() + expiresInSeconds * 1000;
      responder.acceptToken(token, { clientId: PORTAL_CLIENT.clientId, scope, boundTo: patientId, expiresAt });
    },
  });
  const keys = [{ id: 'k1', key: randomBytes(32) }];
  const organizations = ['old-payer', OWN_ORGANIZATION].map((id) => ({ resourceType: 'Organization', id }));
  const payer = await startTestPayer(
    await reserveAddress(),
    { organizations, ownOrganization: OWN_ORGANIZATION },
    keys,
  );
  await payer.ask('PUT', `Patient/${LOCAL_PATIENT}`, JSON.stringify({ resourceType: 'Patient', id: LOCAL_PATIENT }));
  const bearer = await payer.token(OPERATOR.id, OPERATOR.secret, 'carryover.admin');
  const ask = async (method: string, path: string, body?: unknown): Promise<Answer> =>
    answerOf(
      await fetch(`${payer.p2pUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    );
  const authorizationUrl = async (path: string, wish: object = {}): Promise<string> => {
    const answer = await ask('POST', `${path}/authorization_request`, { redirectUri: REDIRECT_URI, ...wish });
    return answer.json<{ authorizationUrl: string }>().authorizationUrl;
  };
  return {
    ...{ payer, responder, login, ask, authorizationUrl },
    async define(changed) {
      const answer = await ask('POST', '/api/oidc_servers', { ...definition(responder, login), ...changed });
      if (answer.status !== 201) throw new Error(answer.text);
      return answer.headers.get('location') ?? '';
    },
    async tokens(path) {
      const answer = await ask(
        'POST',
        `${path}/authorization_response`,
        await signIn(await authorizationUrl(path), 'ann'),
      );
      if (answer.status !== 200) throw new Error(answer.text);
      return answer.json<MemberTokens>();
    },
    async history(taskId) {
      const handle = payer.wiring.temporal.client.workflow.getHandle(exchangeWorkflowId(taskId));
      const converter = createDataConverter(keys);
      const values = payloadsOf(await handle.fetchHistory()).map(({ payload }) => valueOf(payload, converter));
      return JSON.stringify(await Promise.all(values));
    },
    async until(path, states) {
      for (;;) {
        const job = (await ask('GET', path)).json<BatchJob>();
        if (states.includes(job.batchStatus)) return isEnd(job.batchStatus) ? closed(payer, job) : job;
        if (isEnd(job.batchStatus)) throw new Error(`It ended as ${job.batchStatus}.`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async stop() {
      await payer.stop();
      await login.close();
      await responder.close();
    },
  };
}

function definition(responder: Responder, login: MemberLogin): object {
  return {
    ...{ name: 'Old Health Plan', issuer: login.issuer, fhirEndpoint: responder.baseUrl, organizationId: 'old-payer' },
    ...{ ...PORTAL_CLIENT, scopes: MEMBER_SCOPES, responseType: 'code' },
    authWellKnown: `${login.issuer}/.well-known/openid-configuration`,
  };
}

/** A job is told to have ended a moment before its exchange is closed: the same request would still mean this one. */
async function closed({ wiring }: TestPayer, job: BatchJob): Promise<BatchJob> {
  while ((await wiring.requester.exchanges.load(job.taskId)).active) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return job;
}

/** What is kept of the portal's tokens at this moment. */
export async function keptTokens({ payer }: Portal): Promise<number> {
  return payer.wiring.prisma.portalToken.count();
}
