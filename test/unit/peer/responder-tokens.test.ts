import { describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair } from 'jose';
import { matchBody, responderBench } from './responder-bench.ts';
import { failureOf } from './tiny-server.ts';

const bench = responderBench();

describe('tokens of an independent server', () => {
  it.each(['RS384', 'ES384'])('are given for an assertion by %s', async (alg) => {
    bench.responder().set({ token: { algorithms: [alg === 'RS384' ? 'RS384' : 'ES384'] } });
    const token = await bench.tokens().get(bench.payer({ privateJwk: bench.key(alg) }));
    expect(token).toMatchObject({ scope: 'system/*.rs', narrowed: false });
  });

  it('are refused for an assertion meant for another URL of the same server', async () => {
    const tokenEndpoint = `${bench.responder().tokenEndpoint}?x`;
    const error = await failureOf(bench.tokens().get(bench.payer({ tokenEndpoint })));
    expect(error).toMatchObject({
      code: 'token-refused',
      detail: expect.stringContaining('aud is not the token endpoint'),
    });
    expect(await bench.tokens().get(bench.payer({ tokenEndpoint: bench.responder().tokenEndpoint }))).toMatchObject({
      narrowed: false,
    });
  });

  it('are refused to a client of another key, once', async () => {
    const { privateKey } = await generateKeyPair('ES384', { extractable: true });
    const privateJwk = { ...(await exportJWK(privateKey)), kid: 'key-ES384' };
    expect(await failureOf(bench.tokens().get(bench.payer({ privateJwk })))).toMatchObject({ code: 'token-refused' });
    expect(bench.requestsTo('/oauth/')).toHaveLength(1);
  });

  it('are given for a secret with characters that need encoding', async () => {
    const secret = { clientId: 'by-secret', clientSecret: 's3 cr+et:%', privateJwk: undefined };
    expect(await bench.tokens().get(bench.payer(secret))).toMatchObject({ scope: 'system/*.rs' });
  });

  it('come with the parameters asked for', async () => {
    bench.responder().set({ token: { requiredParams: { tenant: 'blue' }, extraMembers: { member: 'm1' } } });
    expect(await bench.tokens().get(bench.payer({ customTokenParams: 'tenant=blue,member' }))).toMatchObject({
      custom: { member: 'm1' },
    });
    expect(await failureOf(bench.tokens().get(bench.payer()))).toMatchObject({ code: 'token-refused' });
  });

  it('may be narrower than asked for', async () => {
    bench.responder().set({ token: { scope: 'system/Patient.read' } });
    expect(await bench.tokens().get(bench.payer())).toMatchObject({ scope: 'system/Patient.read', narrowed: true });
    bench.responder().set({ token: { scope: 'launch' } });
    expect(await failureOf(bench.tokens().get(bench.payer({ scopes: 'system/*.read' })))).toMatchObject({
      code: 'scope-insufficient',
    });
  });

  it('are renewed before they end, each time by a fresh assertion', async () => {
    const { accessToken } = await bench.tokens().get(bench.payer());
    bench.wait(275_000);
    expect((await bench.tokens().get(bench.payer())).accessToken).not.toBe(accessToken);
  });

  it('are asked for once by many at the same time', async () => {
    await Promise.all([1, 2, 3].map(async () => bench.tokens().get(bench.payer())));
    expect(bench.requestsTo('/oauth/')).toHaveLength(1);
  });

  it('that were revoked are replaced without the caller noticing', async () => {
    const peer = bench.client();
    await peer.memberMatch(matchBody());
    bench.responder().revokeTokens();
    expect(JSON.parse(await peer.read('Patient', 'm1'))).toMatchObject({ id: 'm1' });
    expect(bench.requestsTo('/oauth/')).toHaveLength(2);
  });

  it('are found by the CapabilityStatement alone', async () => {
    bench.responder().set({ discovery: { smartConfiguration: false, oauthUrisInCapability: true } });
    expect(await bench.tokens().get(bench.payer())).toMatchObject({ narrowed: false });
  });

  it('are waited for when the server is busy', async () => {
    const busy = { times: 1, status: 429, body: 'empty', retryAfter: { form: 'seconds', seconds: 5 } } as const;
    bench.responder().set({ token: { failures: [busy] } });
    expect(await failureOf(bench.tokens().get(bench.payer()))).toMatchObject({ code: 'peer-busy', retryAfterMs: 5000 });
  });
});
