import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose';
import express from 'express';
import * as client from 'openid-client';
import { createSeal } from '../../seal.ts';
import { createSigningKeys } from '../../store/signing-keys.ts';
import {
  assertionForm,
  basic,
  ENCRYPTION_KEYS,
  inSeconds,
  newKeyPair,
  OPERATOR,
  operatorToken,
  postToken,
  signAssertion,
  startApi,
} from '../support/authorization.ts';
import type { Api, AssertionClaims, KeyPair, TokenAnswer } from '../support/authorization.ts';
import { createTestDatabase } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';
import { serveApp } from '../support/serve.ts';
import type { ServedApp } from '../support/serve.ts';

const SECRET = 'sentinel-secret+with/base64=';

let database: TestDatabase;
/** Two processes of one payer; the first is the one that PUBLIC_URL names. */
let api: Api;
let second: Api;
let jwksServer: ServedApp;
let rsa: KeyPair;
let ec: KeyPair;
let endpoint: string;

beforeAll(async () => {
  database = await createTestDatabase();
  api = await startApi({ databaseUrl: database.url });
  second = await startApi({ databaseUrl: database.url, publicUrl: api.publicUrl });
  endpoint = `${api.publicUrl}/oauth/token`;
  [rsa, ec] = await Promise.all([newKeyPair('RS384', 'rsa-1'), newKeyPair('ES384', 'ec-1')]);
  const keys = { keys: [rsa.publicJwk, ec.publicJwk] };
  jwksServer = await serveApp(express().get('/jwks.json', (_req, res) => void res.json(keys)));
  await api.clients.create({
    clientId: 'by-jwks',
    name: 'Keys inline',
    jwks: keys,
    scopes: 'system/*.rs',
    enabled: true,
  });
  await api.clients.create({
    clientId: 'by-url',
    name: 'Keys by URL',
    jwksUrl: `${jwksServer.url}/jwks.json`,
    scopes: 'system/*.rs',
    organizationId: 'new-payer',
    enabled: true,
  });
  await api.clients.create({
    clientId: 'by-secret',
    name: 'Secret',
    clientSecret: SECRET,
    scopes: 'system/Patient.rs system/Observation.rs carryover.admin',
    enabled: true,
  });
});

afterAll(async () => {
  await jwksServer.close();
  await second.stop();
  await api.stop();
  await database.drop();
});

async function tokenFor(key: KeyPair, clientId: string, claims?: AssertionClaims): Promise<TokenAnswer> {
  return postToken(api.url, assertionForm(await signAssertion(key, clientId, endpoint, claims)));
}

async function get(path: string, token: string, url = api.url): Promise<Response> {
  return fetch(`${url}/fhir${path}`, { headers: { authorization: `Bearer ${token}` } });
}

const REFUSED = { error: 'invalid_client', error_description: 'client authentication failed' };

describe('discovery', () => {
  it('says where tokens are had, and how, in the SMART configuration', async () => {
    const answer = await fetch(`${api.url}/fhir/.well-known/smart-configuration`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({
      issuer: api.publicUrl,
      jwks_uri: `${api.publicUrl}/oauth/jwks`,
      token_endpoint: endpoint,
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'client_secret_post'],
      token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
      grant_types_supported: ['client_credentials'],
      scopes_supported: ['system/*.rs', 'system/*.read'],
      capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
    });
  });

  it('leads openid-client from the issuer to a token that opens the API', async () => {
    const authentication = client.PrivateKeyJwt(
      { key: ec.privateKey, kid: ec.kid },
      { [client.modifyAssertion]: (_header, payload) => void (payload['aud'] = endpoint) },
    );
    const configuration = await client.discovery(new URL(api.publicUrl), 'by-jwks', undefined, authentication, {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- this machine has no TLS
      execute: [client.allowInsecureRequests],
    });
    const tokens = await client.clientCredentialsGrant(configuration, { scope: 'system/*.rs' });
    expect(tokens.expires_in).toBe(300);
    expect((await get('/whoami', tokens.access_token)).status).toBe(200);
  });

  it('publishes the key that tokens are signed with, and no private member of it', async () => {
    const { body } = await tokenFor(ec, 'by-jwks');
    const { kid, alg } = decodeProtectedHeader(String(body['access_token']));
    const { keys } = (await (await fetch(`${api.url}/oauth/jwks`)).json()) as { keys: Record<string, unknown>[] };
    expect(keys.map((key) => key['kid'])).toContain(kid);
    expect(alg).toBe('ES384');
    expect(keys.filter((key) => 'd' in key)).toEqual([]);
  });
});

describe('a signed assertion', () => {
  it.each([
    ['RS384', 'by-jwks'],
    ['ES384', 'by-jwks'],
    ['RS384', 'by-url'],
    ['ES384', 'by-url'],
  ])('of %s opens a client with its keys %s', async (alg, clientId) => {
    const { status, body, headers } = await tokenFor(alg === 'RS384' ? rsa : ec, clientId);
    expect([status, body]).toEqual([
      200,
      { access_token: expect.any(String), token_type: 'bearer', expires_in: 300, scope: 'system/*.rs' },
    ]);
    expect(headers.get('cache-control')).toBe('no-store');
    const claims = decodeJwt(String(body['access_token']));
    expect(claims).toMatchObject({ iss: api.publicUrl, aud: `${api.publicUrl}/fhir`, client_id: clientId });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(300);
  });

  const wrong: readonly (readonly [string, () => AssertionClaims])[] = [
    ['the issuer as audience', () => ({ aud: api.publicUrl })],
    ['the FHIR base as audience', () => ({ aud: `${api.publicUrl}/fhir` })],
    ['a trailing slash at the audience', () => ({ aud: `${endpoint}/` })],
    ['no audience', () => ({ aud: undefined })],
    ['an expiry of ten minutes', () => ({ exp: inSeconds(600) })],
    ['an expiry that is over', () => ({ exp: inSeconds(-60) })],
    ['no expiry', () => ({ exp: undefined })],
    ['no jti', () => ({ jti: undefined })],
    ['another issuer than its client', () => ({ iss: 'by-url' })],
    ['a subject that is no client', () => ({ sub: 'Patient/1' })],
  ];
  it.each(wrong)('with %s is refused', async (_name, claims) => {
    const { status, body } = await tokenFor(ec, 'by-jwks', claims());
    expect([status, body]).toEqual([401, REFUSED]);
  });

  it.each([
    [
      'of a key that nobody registered',
      async () => signAssertion(await newKeyPair('ES384', 'ec-1'), 'by-jwks', endpoint),
    ],
    ['that names a key that is not in the set', async () => signAssertion({ ...ec, kid: 'ec-2' }, 'by-jwks', endpoint)],
    [
      'of an algorithm that SMART does not know',
      async () => signAssertion(await newKeyPair('RS256', 'rsa-1'), 'by-jwks', endpoint),
    ],
    ['that is no JWT', () => Promise.resolve('not.a.jwt')],
    ['without a signature', () => Promise.resolve(unsigned('by-jwks'))],
  ])('%s is refused', async (_name, assertion) => {
    const { status, body } = await postToken(api.url, assertionForm(await assertion()));
    expect([status, body]).toEqual([401, REFUSED]);
  });

  it('gives one token, however many use it at the same time at several processes', async () => {
    const form = assertionForm(await signAssertion(rsa, 'by-jwks', endpoint));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => postToken(index % 2 === 0 ? api.url : second.url, form)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status, body }) => status === 401 && body['error'] === 'invalid_client')).toHaveLength(49);
  });

  it('may have the jti of another client', async () => {
    const jti = 'the-same';
    expect((await tokenFor(ec, 'by-jwks', { jti })).status).toBe(200);
    expect((await tokenFor(ec, 'by-url', { jti })).status).toBe(200);
    expect((await tokenFor(ec, 'by-url', { jti })).status).toBe(401);
  });
});

function unsigned(clientId: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: clientId, sub: clientId, aud: endpoint, jti: 'x', exp: inSeconds(60) };
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}

describe('a client secret', () => {
  it('opens by the Authorization header and by the form', async () => {
    const scope = 'system/Patient.rs';
    const byHeader = await postToken(api.url, { scope }, basic('by-secret', encodeURIComponent(SECRET)));
    const byForm = await postToken(api.url, { scope, client_id: 'by-secret', client_secret: SECRET });
    expect([byHeader.status, byForm.status]).toEqual([200, 200]);
  });

  it.each([
    ['wrong', () => postToken(api.url, {}, basic('by-secret', 'guess'))],
    ['of nobody', () => postToken(api.url, {}, basic('nobody', SECRET))],
    ['in a header that is not Basic', () => postToken(api.url, {}, { authorization: 'Negotiate abc' })],
    ['of a client that has keys alone', () => postToken(api.url, { client_id: 'by-jwks', client_secret: 'x' })],
    ['left out', () => postToken(api.url, { client_id: 'by-secret' })],
    ['and its client left out', () => postToken(api.url, {})],
    [
      'given twice',
      () => postToken(api.url, { client_id: 'by-secret', client_secret: SECRET }, basic('by-secret', SECRET)),
    ],
  ])('%s is refused in the same words', async (_name, ask) => {
    const { status, body } = await ask();
    expect([status, body]).toEqual([401, REFUSED]);
  });

  it('is told to be wrong by a challenge where it came in a header', async () => {
    const { headers } = await postToken(api.url, {}, basic('by-secret', 'guess'));
    expect(headers.get('www-authenticate')).toMatch(/^Basic realm=/);
  });
});

describe('the granted scope', () => {
  it.each([
    ['system/Patient.rs', 'system/Patient.rs'],
    ['system/Patient.read', 'system/Patient.read'],
    ['system/Patient.cruds', 'system/Patient.rs'],
    ['system/*.rs', 'system/Patient.rs system/Observation.rs'],
    ['system/Patient.r system/Claim.rs launch', 'system/Patient.r'],
    ['carryover.admin system/Patient.rs', 'carryover.admin system/Patient.rs'],
  ])('for %s is %s', async (asked, granted) => {
    const { body } = await postToken(api.url, { scope: asked }, basic('by-secret', encodeURIComponent(SECRET)));
    expect(body['scope']).toBe(granted);
    expect(decodeJwt(String(body['access_token']))['scope']).toBe(granted);
  });

  it('of v1 is had under a permission of v2', async () => {
    const answer = await postToken(
      api.url,
      assertionForm(await signAssertion(ec, 'by-jwks', endpoint), 'system/Patient.read'),
    );
    expect(answer.body['scope']).toBe('system/Patient.read');
  });

  it.each([
    ['has nothing in common with what is allowed', { scope: 'system/Claim.rs' }],
    ['is empty', { scope: '' }],
    ['is not asked for', {}],
  ])('that %s is an error', async (_name, form) => {
    const answer = await postToken(api.url, form, basic('by-secret', encodeURIComponent(SECRET)));
    expect(answer.status).toBe(400);
    expect(answer.body['error']).toBe('invalid_scope');
  });

  it('bounds what the token opens', async () => {
    const { body } = await postToken(
      api.url,
      { scope: 'system/Patient.rs' },
      basic('by-secret', encodeURIComponent(SECRET)),
    );
    expect((await get('/observations', String(body['access_token']))).status).toBe(403);
  });

  it('cannot make an operator of a partner', async () => {
    const { body } = await postToken(
      api.url,
      { scope: 'carryover.admin' },
      basic('by-secret', encodeURIComponent(SECRET)),
    );
    expect((await get('/operator-only', String(body['access_token']))).status).toBe(403);
    expect((await get('/operator-only', await operatorToken(api))).status).toBe(200);
  });
});

describe('the token endpoint', () => {
  it('answers errors in the form of OAuth to a browser, too', async () => {
    const { headers, body } = await postToken(api.url, {}, { accept: 'text/html' });
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(body).toEqual(REFUSED);
  });

  it('refuses other grants', async () => {
    const answer = await postToken(
      api.url,
      { grant_type: 'password' },
      basic(OPERATOR.clientId, OPERATOR.clientSecret),
    );
    expect([answer.status, answer.body['error']]).toEqual([400, 'unsupported_grant_type']);
  });

  it('knows POST alone', async () => {
    const answer = await fetch(`${api.url}/oauth/token`);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('a bearer token', () => {
  it('names the caller, whichever process gave it', async () => {
    const { body } = await postToken(second.url, assertionForm(await signAssertion(ec, 'by-url', endpoint)));
    const answer = await get('/whoami', String(body['access_token']));
    const { pid } = (await api.clients.find('by-url')) ?? {};
    expect(await answer.json()).toEqual({
      kind: 'partner',
      clientId: 'by-url',
      clientPid: pid,
      organizationId: 'new-payer',
      scope: 'system/*.rs',
    });
  });

  it('is asked for', async () => {
    const answer = await fetch(`${api.url}/fhir/whoami`);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'login' }] });
  });

  it.each([
    ['for another audience', { aud: 'https://other.example/fhir' }],
    ['of another issuer', { iss: 'https://other.example' }],
    ['that is over', { exp: inSeconds(-10) }],
  ])('%s opens nothing', async (_name, claims) => {
    const key = (await createSigningKeys(api.prisma, createSeal(ENCRYPTION_KEYS)))[0];
    if (key === undefined) throw new Error('no signing key');
    const good = { iss: api.publicUrl, aud: `${api.publicUrl}/fhir`, exp: inSeconds(60) };
    const own = { client_id: 'by-jwks', scope: 'system/*.rs' };
    const sign = async (more: object) =>
      new SignJWT({ ...own, ...good, ...more }).setProtectedHeader({ alg: 'ES384', kid: key.kid }).sign(key);
    expect((await get('/whoami', await sign({}))).status).toBe(200);
    const answer = await get('/whoami', await sign(claims));
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);
  });

  it('of another signer opens nothing', async () => {
    const { privateKey } = await generateKeyPair('ES384');
    const token = await new SignJWT({ client_id: OPERATOR.clientId, scope: 'carryover.admin' })
      .setProtectedHeader({ alg: 'ES384' })
      .setIssuer(api.publicUrl)
      .setAudience(`${api.publicUrl}/fhir`)
      .setExpirationTime('1m')
      .sign(privateKey);
    expect((await get('/whoami', token)).status).toBe(401);
  });

  it('opens nothing from the moment that its client is disabled, and again when it is enabled', async () => {
    const known = await api.clients.create({
      clientId: 'revoked',
      name: 'Revoked',
      jwks: { keys: [ec.publicJwk] },
      scopes: 'system/*.rs',
      enabled: true,
    });
    const { body } = await tokenFor(ec, 'revoked');
    const token = String(body['access_token']);
    expect((await get('/whoami', token, second.url)).status).toBe(200);
    const { pid, ...definition } = known;
    await api.clients.update(pid, { ...definition, enabled: false });
    expect((await get('/whoami', token, second.url)).status).toBe(401);
    expect((await tokenFor(ec, 'revoked')).body).toEqual(REFUSED);
    await api.clients.update(pid, { ...definition, enabled: true });
    expect((await get('/whoami', token, second.url)).status).toBe(200);
  });

  it('opens no more than its client may have now', async () => {
    const known = await api.clients.create({
      clientId: 'narrowed',
      name: 'Narrowed',
      jwks: { keys: [ec.publicJwk] },
      scopes: 'system/*.rs',
      enabled: true,
    });
    const { body } = await tokenFor(ec, 'narrowed');
    const { pid, ...definition } = known;
    await api.clients.update(pid, { ...definition, scopes: 'system/Patient.rs' });
    expect((await get('/observations', String(body['access_token']))).status).toBe(403);
  });
});

describe('a body', () => {
  const post = async (body: string | Uint8Array<ArrayBuffer>, type: string): Promise<Response> =>
    fetch(`${api.url}/fhir/echo`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${await operatorToken(api)}`, 'content-type': type },
    });

  it('keeps the digits of its decimals', async () => {
    const text = '{"valueDecimal": 1.50, "other": 1e3, "long": 0.10000000000000000000001, "name": "Zoë"}';
    const answer = await post(text, 'application/fhir+json; charset=utf-8');
    expect(await answer.text()).toBe(text);
    expect(answer.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
  });

  it('of another type is refused', async () => {
    expect((await post('<Patient/>', 'application/fhir+xml')).status).toBe(415);
  });

  it('that is not UTF-8 is refused', async () => {
    expect((await post(new Uint8Array([0x22, 0xff, 0x22]), 'application/json')).status).toBe(400);
  });

  it('that is not there is missed, and not called a wrong type', async () => {
    expect((await post('', 'application/fhir+json')).status).toBe(400);
  });
});

it('makes one signing key, however many processes start at the same time', async () => {
  const fresh = await createTestDatabase();
  const processes = await Promise.all(Array.from({ length: 4 }, () => startApi({ databaseUrl: fresh.url })));
  try {
    const kids = await Promise.all(
      processes.map(async ({ url }) => {
        const { keys } = (await (await fetch(`${url}/oauth/jwks`)).json()) as { keys: { kid: string }[] };
        return keys.map(({ kid }) => kid).join();
      }),
    );
    expect(new Set(kids).size).toBe(1);
  } finally {
    await Promise.all(processes.map((one) => one.stop()));
    await fresh.drop();
  }
});

it('logs nothing of secrets, assertions and tokens', async () => {
  const assertion = await signAssertion(ec, 'by-jwks', endpoint);
  const { body } = await postToken(api.url, assertionForm(assertion));
  await postToken(api.url, assertionForm(assertion));
  await postToken(api.url, {}, basic('by-secret', 'sentinel-guess'));
  const lines = [...api.logLines, ...second.logLines].join('\n');
  for (const secret of [assertion, String(body['access_token']), SECRET, OPERATOR.clientSecret, 'sentinel']) {
    expect(lines).not.toContain(secret);
  }
});
