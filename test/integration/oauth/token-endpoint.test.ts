import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import {
  assertionForm,
  basic,
  inSeconds,
  newKeyPair,
  OPERATOR,
  postToken,
  signAssertion,
} from '../../support/authorization.ts';
import type { Api, AssertionClaims, KeyPair } from '../../support/authorization.ts';
import { REFUSED, SECRET, startPayerWithClients } from '../../support/payer-with-clients.ts';
import type { PayerWithClients } from '../../support/payer-with-clients.ts';

let payer: PayerWithClients;
let api: Api;
let second: Api;
let rsa: KeyPair;
let ec: KeyPair;
let endpoint: string;

beforeAll(async () => {
  payer = await startPayerWithClients();
  ({ api, second, rsa, ec, endpoint } = payer);
});

afterAll(() => payer.stop());

describe('a signed assertion', () => {
  it.each([
    ['RS384', 'by-jwks'],
    ['ES384', 'by-jwks'],
    ['RS384', 'by-url'],
    ['ES384', 'by-url'],
  ])('of %s opens a client with its keys %s', async (alg, clientId) => {
    const { status, body, headers } = await payer.tokenFor(alg === 'RS384' ? rsa : ec, clientId);
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
    const { status, body } = await payer.tokenFor(ec, 'by-jwks', claims());
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
    expect((await payer.tokenFor(ec, 'by-jwks', { jti })).status).toBe(200);
    expect((await payer.tokenFor(ec, 'by-url', { jti })).status).toBe(200);
    expect((await payer.tokenFor(ec, 'by-url', { jti })).status).toBe(401);
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
