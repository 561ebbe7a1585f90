import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { assertionForm, newKeyPair, OPERATOR, postToken, signAssertion } from '../../support/authorization.ts';
import type { Api } from '../../support/authorization.ts';
import { startP2pApi } from '../../support/p2p-api.ts';
import type { P2pApi } from '../../support/p2p-api.ts';
import { SENTINEL } from '../../support/server-secrets.ts';

let p2p: P2pApi;
let api: Api;

beforeAll(async () => {
  p2p = await startP2pApi();
  ({ api } = p2p);
});

afterAll(() => p2p.stop());

describe('who may come in', () => {
  it('is nobody without a token', async () => {
    const answer = await fetch(`${api.p2pUrl}/api/oidc_servers`);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await answer.json()).toEqual({
      error: { code: 'unauthenticated', message: 'A valid bearer token is required.' },
    });
  });

  it('is no partner', async () => {
    const key = await newKeyPair('ES384');
    const partner = {
      clientId: 'a-partner',
      name: 'Partner',
      jwks: { keys: [key.publicJwk] },
      scopes: 'system/*.cruds carryover.admin',
    };
    expect((await p2p.ask('POST', '/api/oidc_clients', partner)).status).toBe(201);
    const assertion = await signAssertion(key, 'a-partner', `${api.publicUrl}/oauth/token`);
    const form = assertionForm(assertion, 'system/*.cruds carryover.admin');
    const { body } = await postToken(api.url, form);
    const answer = await p2p.ask('GET', '/api/oidc_servers', undefined, String(body['access_token']));
    expect([answer.status, answer.error.code]).toEqual([403, 'forbidden']);
  });
});

describe('a client definition', () => {
  const CLIENT = { clientId: 'new-payer', name: 'New Health Plan', clientSecret: SENTINEL, organizationId: 'new' };

  it('is registered, enabled, listed, and read without its secret', async () => {
    const created = await p2p.ask('POST', '/api/oidc_clients', CLIENT);
    const { clientSecret: _secret, ...visible } = CLIENT;
    const { pid } = created.body;
    expect(created.body).toEqual({ pid, ...visible, scopes: 'system/*.rs', enabled: true });
    const { clients } = (await p2p.ask('GET', '/api/oidc_clients')).body as { clients: unknown[] };
    expect(clients).toContainEqual({ pid, name: 'New Health Plan' });
  });

  it('is out of the token endpoint once an update disables it, and keeps its secret', async () => {
    const created = await p2p.ask('POST', '/api/oidc_clients', { ...CLIENT, clientId: 'switched' });
    const form = { client_id: 'switched', client_secret: SENTINEL, scope: 'system/*.rs' };
    const path = `/api/oidc_clients/${String(created.body['pid'])}`;
    expect((await postToken(api.url, form)).status).toBe(200);
    expect((await p2p.ask('PUT', path, { ...created.body, enabled: false })).status).toBe(200);
    expect((await postToken(api.url, form)).status).toBe(401);
    expect((await p2p.ask('PUT', path, { ...created.body, enabled: true })).status).toBe(200);
    expect((await postToken(api.url, form)).status).toBe(200);
  });

  it.each([
    ['without any way to show who it is', { clientId: 'bare', name: 'Bare' }, 400, undefined],
    [
      'with a private key',
      { clientId: 'leaky', name: 'Leaky', jwks: { keys: [{ kty: 'EC', d: SENTINEL }] } },
      400,
      'jwks.keys.0',
    ],
    ['with a client id that is registered', { ...CLIENT, clientId: 'a-partner' }, 409, 'clientId'],
    ["with the operator's client id", { ...CLIENT, clientId: OPERATOR.clientId }, 409, 'clientId'],
  ])('%s is refused', async (_name, definition, status, field) => {
    const answer = await p2p.ask('POST', '/api/oidc_clients', definition);
    expect([answer.status, answer.error.field]).toEqual([status, field]);
    expect(answer.text).not.toContain(SENTINEL);
  });
});
