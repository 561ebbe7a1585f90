import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Task } from 'fhir/r4.js';
import { signIn } from '../../support/member-browser.ts';
import { REDIRECT_URI } from '../../support/member-login.ts';
import { keptTokens, LOCAL_PATIENT, startPortal } from './portal.ts';
import type { BatchJob, MemberTokens, Portal } from './portal.ts';

let portal: Portal;
let path: string;

beforeAll(async () => {
  portal = await startPortal();
  path = await portal.define({});
});

afterAll(() => portal.stop());

const jobFor = (tokens: MemberTokens, more: object = {}): object => ({
  sourcePayer: {
    ...{ oidcToken: tokens.oidcToken, oidcRefreshToken: tokens.oidcRefreshToken ?? undefined, patientId: 'p1' },
    ...more,
  },
  targetPayer: { patientId: LOCAL_PATIENT },
});

describe("a member's portal", () => {
  it('lists the payers, lets the member sign in at one, and brings the records by a batch job', async () => {
    const { ask } = portal;
    const { servers } = (await ask('GET', '/api/oidc_servers')).json<{ servers: { pid: number; name: string }[] }>();
    expect(servers).toEqual([{ pid: expect.any(Number), name: 'Old Health Plan' }]);
    const at = `/api/oidc_servers/${String(servers[0]?.pid)}`;
    const begun = await ask('POST', `${at}/authorization_request`, { redirectUri: REDIRECT_URI });
    const { authorizationUrl, state } = begun.json<{ authorizationUrl: string; state: string }>();
    const response = await signIn(authorizationUrl, 'ann');
    expect([begun.status, response['state']]).toEqual([201, state]);
    const answered = await ask('POST', `${at}/authorization_response`, response);
    const tokens = answered.json<MemberTokens>();
    expect([answered.status, answered.headers.get('cache-control'), tokens.patientId]).toEqual([200, 'no-store', 'p1']);
    const posted = await ask('POST', `${at}/batch_job`, jobFor(tokens, { patientId: tokens.patientId }));
    const { batchJobId, taskId } = posted.json<BatchJob>();
    expect(posted.status).toBe(200);
    const done = await portal.until(`${at}/batch_job/${batchJobId}`, ['COMPLETED']);
    expect([done.taskId, Date.parse(done.endTime ?? '') >= Date.parse(done.startTime ?? '')]).toEqual([taskId, true]);
    const task = (await portal.payer.ask('GET', `Task/${taskId}`)).json<Task>();
    expect(task.status).toBe('completed');
    const everything = (
      await portal.payer.ask('GET', `Patient/${LOCAL_PATIENT}/$everything?origin=imported`)
    ).json<Bundle>();
    expect(everything.entry?.length).toBeGreaterThan(1);
    const bearers = new Set(portal.responder.requests.map(({ headers }) => headers['authorization']));
    bearers.delete(undefined);
    expect([...bearers]).toEqual([`Bearer ${tokens.oidcToken}`]);
  });
});

describe('the tokens of a portal', () => {
  it('are refreshed in the middle of the exchange, the rotated one is kept, and all are gone at its end', async () => {
    const tokens = await portal.tokens(path);
    portal.responder.set({ status: { pollsBeforeDone: 6 } });
    const before = portal.login.grants.length;
    const { batchJobId, taskId } = (await portal.ask('POST', `${path}/batch_job`, jobFor(tokens))).json<BatchJob>();
    const seen = portal.responder.requests.length;
    await kickedOff(seen);
    expect(await keptTokens(portal)).toBe(1);
    // The first refreshed token is good until it is refused, too: the second refresh needs the rotated refresh token.
    portal.responder.revokeTokens();
    await refreshes(before, 1);
    await takenWithAnother(tokens.oidcToken, seen);
    portal.responder.revokeTokens();
    await portal.until(`${path}/batch_job/${batchJobId}`, ['COMPLETED']);
    expect(portal.login.grants.slice(before)).toEqual(['refresh_token', 'refresh_token']);
    expect(await keptTokens(portal)).toBe(0);
    const { payer } = portal;
    const kept = [payer.logLines.join('\n'), await portal.history(taskId)];
    expect(kept[1]).toContain('start-export');
    for (const text of kept) {
      expect(text).not.toContain(tokens.oidcToken);
      expect(text).not.toContain(tokens.oidcRefreshToken);
    }
  });

  it('are sealed while the exchange runs', async () => {
    const tokens = await portal.tokens(path);
    portal.responder.set({ status: { pollsBeforeDone: 1 } });
    const seen = portal.responder.requests.length;
    const { batchJobId } = (await portal.ask('POST', `${path}/batch_job`, jobFor(tokens))).json<BatchJob>();
    await kickedOff(seen);
    const rows = await portal.payer.wiring.prisma.portalToken.findMany();
    expect(rows).toHaveLength(1);
    for (const { tokens: sealed } of rows) {
      expect(Buffer.from(sealed).toString('latin1')).not.toContain(tokens.oidcToken);
    }
    await portal.until(`${path}/batch_job/${batchJobId}`, ['COMPLETED']);
  });

  it('name the member where the request does not', async () => {
    const opaque = await portal.define({
      issuer: `${portal.login.issuer}/introspected`,
      ...{ introspectionClientId: 'introspector', introspectionClientSecret: 'introspection-secret-0123456789' },
    });
    const tokens = await portal.tokens(path);
    const request = jobFor(tokens, { patientId: undefined });
    const { batchJobId } = (await portal.ask('POST', `${opaque}/batch_job`, request)).json<BatchJob>();
    await portal.until(`${opaque}/batch_job/${batchJobId}`, ['COMPLETED']);
  });

  it('may be a refresh token alone, whose answer names the member', async () => {
    const { oidcRefreshToken } = await portal.tokens(path);
    const request = { sourcePayer: { oidcRefreshToken }, targetPayer: { patientId: LOCAL_PATIENT } };
    const { batchJobId } = (await portal.ask('POST', `${path}/batch_job`, request)).json<BatchJob>();
    await portal.until(`${path}/batch_job/${batchJobId}`, ['COMPLETED']);
  });

  it('that are refused and cannot be refreshed end the job, and are gone then', async () => {
    const { batchJobId, taskId } = (
      await portal.ask('POST', `${path}/batch_job`, {
        sourcePayer: { oidcToken: 'of-nobody', patientId: 'p1' },
        targetPayer: { patientId: LOCAL_PATIENT },
      })
    ).json<BatchJob>();
    await portal.until(`${path}/batch_job/${batchJobId}`, ['FAILED']);
    const task = (await portal.payer.ask('GET', `Task/${taskId}`)).json<Task>();
    expect([task.statusReason?.coding?.[0]?.code, await keptTokens(portal)]).toEqual(['token-refused', 0]);
  });

  it('cannot repeat an exchange once they are gone', async () => {
    const tokens = await portal.tokens(path);
    const { batchJobId, taskId } = (
      await portal.ask('POST', `${path}/batch_job`, jobFor(tokens, { patientId: 'p1' }))
    ).json<BatchJob>();
    await portal.until(`${path}/batch_job/${batchJobId}`, ['COMPLETED']);
    const every = { resourceType: 'Parameters', parameter: [{ name: 'every', valueString: 'P1M' }] };
    expect((await portal.payer.ask('POST', `Task/${taskId}/$repeat`, JSON.stringify(every))).status).toBe(409);
  });
});

/** Until the payer has been asked for an export after so many requests. */
async function kickedOff(seen: number): Promise<void> {
  while (
    !portal.responder.requests.slice(seen).some(({ path: at, status }) => at.includes('$export') && status === 202)
  ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function refreshes(before: number, count: number): Promise<void> {
  while (portal.login.grants.length < before + count) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The payer has answered a request that came with another token: one that is revoked sooner is refused at its first use. */
async function takenWithAnother(token: string, seen: number): Promise<void> {
  const isTaken = (): boolean =>
    portal.responder.requests
      .slice(seen)
      .some(
        ({ headers: { authorization }, status = 500 }) =>
          authorization !== undefined && authorization !== `Bearer ${token}` && status < 400,
      );
  while (!isTaken()) await new Promise((resolve) => setTimeout(resolve, 20));
}
