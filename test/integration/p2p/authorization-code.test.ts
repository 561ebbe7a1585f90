import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPair, exportJWK } from 'jose';
import { signIn } from '../../support/member-browser.ts';
import { INTROSPECTION_CLIENT, MEMBER_SCOPES, REDIRECT_URI } from '../../support/member-login.ts';
import type { Answer } from '../../support/payer.ts';
import { startPortal } from './portal.ts';
import type { MemberTokens, Portal } from './portal.ts';

let portal: Portal;
let path: string;
let definitions = 0;

beforeAll(async () => {
  portal = await startPortal();
  path = await portal.define({});
});

afterAll(() => portal.stop());

const define = (changed: object): Promise<string> =>
  portal.define({ issuer: `${portal.login.issuer}/${++definitions}`, ...changed });

const answerWith = (response: object, at = path): Promise<Answer> =>
  portal.ask('POST', `${at}/authorization_response`, response);

const errorOf = (answer: Answer): readonly unknown[] => {
  const { error } = answer.json<{ error: { code: string; field?: string } }>();
  return [answer.status, error.code, error.field];
};

describe('the authorization URL', () => {
  it('asks for a code with what the definition says, bound to this request', async () => {
    const url = new URL(await portal.authorizationUrl(path));
    expect(url.href.startsWith(`${portal.login.issuer}/auth?`)).toBe(true);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      ...{ response_type: 'code', client_id: 'portal-of-new-payer', redirect_uri: REDIRECT_URI, scope: MEMBER_SCOPES },
      ...{ code_challenge_method: 'S256', code_challenge: expect.stringMatching(/^[\w-]{43}$/), prompt: 'consent' },
      ...{ state: expect.stringMatching(/^[\w-]{43}$/), nonce: expect.stringMatching(/^[\w-]{43}$/) },
      aud: portal.responder.baseUrl,
    });
  });

  it('is another one each time', async () => {
    const urls = [new URL(await portal.authorizationUrl(path)), new URL(await portal.authorizationUrl(path))];
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(new Set(urls.map((url) => url.searchParams.get(name))).size).toBe(2);
    }
  });

  it('asks for another scope where the portal wants it', async () => {
    const url = new URL(await portal.authorizationUrl(path, { scope: 'patient/*.rs' }));
    expect(url.searchParams.get('scope')).toBe('patient/*.rs');
    expect([url.searchParams.has('nonce'), url.searchParams.has('prompt')]).toEqual([false, false]);
  });

  it('leaves nothing readable of what proves it', async () => {
    const state = new URL(await portal.authorizationUrl(path)).searchParams.get('state') ?? '';
    const rows = await portal.payer.wiring.prisma.portalAuthorization.findMany();
    for (const { key, pending } of rows) {
      expect(`${key} ${Buffer.from(pending).toString('latin1')}`).not.toContain(state);
    }
  });

  it.each(['token', 'id_token', 'id_token token', 'none'])('is none for the response type %s', async (responseType) => {
    const at = await define({ responseType });
    const answer = await portal.ask('POST', `${at}/authorization_request`, { redirectUri: REDIRECT_URI });
    expect(errorOf(answer)).toEqual([422, 'request-unprocessable', undefined]);
  });

  it('is none for a payer where members cannot sign in, and says so', async () => {
    const at = await define({ issuer: portal.responder.baseUrl, authWellKnown: undefined });
    const answer = await portal.ask('POST', `${at}/authorization_request`, { redirectUri: REDIRECT_URI });
    expect(errorOf(answer)).toEqual([422, 'request-unprocessable', undefined]);
    expect(answer.text).toContain('members cannot sign in');
  });

  it.each(['portal.example/callback', `${REDIRECT_URI}?a=b`, `${REDIRECT_URI}#a`, 'https://portal.example'])(
    'comes back to no address like %s',
    async (redirectUri) => {
      const answer = await portal.ask('POST', `${path}/authorization_request`, { redirectUri });
      expect(errorOf(answer)).toEqual([400, 'request-invalid', 'redirectUri']);
    },
  );
});

describe('the answer that a member brings back', () => {
  it('is exchanged for the tokens and the id of the member', async () => {
    const tokens = await portal.tokens(path);
    expect(tokens).toMatchObject({ patientId: 'p1', scope: MEMBER_SCOPES });
    expect(typeof tokens.oidcRefreshToken).toBe('string');
  });

  it('is exchanged in the hybrid flow, too', async () => {
    expect(await portal.tokens(await define({ responseType: 'code id_token' }))).toMatchObject({ patientId: 'p1' });
  });

  it('is good once, even where two come at the same time', async () => {
    const response = await signIn(await portal.authorizationUrl(path), 'ann');
    const answers = await Promise.all([answerWith(response), answerWith(response)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(errorOf(await answerWith(response))).toEqual([400, 'request-invalid', 'state']);
  });

  it('is refused with a state that we did not give', async () => {
    const response = await signIn(await portal.authorizationUrl(path), 'ann');
    expect(errorOf(await answerWith({ ...response, state: 'made-up' }))).toEqual([400, 'request-invalid', 'state']);
  });

  it("is refused at another payer's path, and still good at its own", async () => {
    const other = await define({});
    const response = await signIn(await portal.authorizationUrl(path), 'ann');
    expect(errorOf(await answerWith(response, other))).toEqual([400, 'request-invalid', 'state']);
    expect((await answerWith(response)).status).toBe(200);
  });

  it('is refused after its time', async () => {
    const response = await signIn(await portal.authorizationUrl(path), 'ann');
    await portal.payer.wiring.prisma.portalAuthorization.updateMany({ data: { expiresAt: new Date(Date.now() - 1) } });
    expect(errorOf(await answerWith(response))).toEqual([400, 'request-invalid', 'state']);
  });

  it('is refused by the provider where the verifier is not that of the challenge', async () => {
    const url = new URL(await portal.authorizationUrl(path));
    const other = new URL(await portal.authorizationUrl(path));
    url.searchParams.set('code_challenge', other.searchParams.get('code_challenge') ?? '');
    expect(errorOf(await answerWith(await signIn(url.href, 'ann')))).toEqual([502, 'token-refused', undefined]);
  });

  it('is refused where it comes from another issuer', async () => {
    const response = await signIn(await portal.authorizationUrl(path), 'ann');
    expect((await answerWith({ ...response, iss: 'https://other.example' })).status).toBe(502);
  });

  it('without a code says that the member declined', async () => {
    const answer = await answerWith(await signIn(await portal.authorizationUrl(path), 'ann', 'deny'));
    expect(errorOf(answer)).toEqual([502, 'token-refused', 'error']);
    expect(answer.text).toContain('access_denied');
  });

  it.each(['nonce', 'signature'] as const)('is refused where the %s of the ID token is wrong', async (fault) => {
    portal.login.faults.idToken = fault;
    try {
      const answer = await answerWith(await signIn(await portal.authorizationUrl(path), 'ann'));
      expect([502, answer.text.includes('oidcToken')]).toEqual([answer.status, false]);
    } finally {
      portal.login.faults.idToken = undefined;
    }
  });

  it('is verified by the keys of the definition alone, where it has some', async () => {
    const right = await define({ jwks: portal.login.jwks });
    expect(await portal.tokens(right)).toMatchObject({ patientId: 'p1' });
    const { publicKey } = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'login-1', alg: 'RS256', use: 'sig' };
    const wrong = await define({ jwks: { keys: [jwk] } });
    expect((await answerWith(await signIn(await portal.authorizationUrl(wrong), 'ann'), wrong)).status).toBe(502);
  });

  it('is introspected where the definition has a client for it', async () => {
    const { clientId: introspectionClientId, clientSecret: introspectionClientSecret } = INTROSPECTION_CLIENT;
    const at = await define({ introspectionClientId, introspectionClientSecret });
    expect(await portal.tokens(at)).toMatchObject({ patientId: 'p1' });
    const wrong = await define({ introspectionClientId, introspectionClientSecret: 'wrong' });
    expect((await answerWith(await signIn(await portal.authorizationUrl(wrong), 'ann'), wrong)).status).toBe(502);
  });

  it('leaves no code, verifier or token in the log', async () => {
    const response = await signIn(await portal.authorizationUrl(path), 'ann');
    const tokens = (await answerWith(response)).json<MemberTokens>();
    const lines = portal.payer.logLines.join('\n');
    for (const secret of [response['code'], tokens.oidcToken, tokens.oidcRefreshToken]) {
      expect(lines).not.toContain(secret);
    }
  });
});
