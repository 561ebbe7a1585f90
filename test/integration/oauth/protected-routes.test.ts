import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, generateKeyPair, SignJWT } from 'jose';
import { createSeal } from '../../../seal.ts';
import { createSigningKeys } from '../../../store/signing-keys.ts';
import {
  assertionForm,
  basic,
  ENCRYPTION_KEYS,
  inSeconds,
  OPERATOR,
  operatorToken,
  postToken,
  signAssertion,
} from '../../support/authorization.ts';
import type { Api, KeyPair } from '../../support/authorization.ts';
import { REFUSED, SECRET, startPayerWithClients } from '../../support/payer-with-clients.ts';
import type { PayerWithClients } from '../../support/payer-with-clients.ts';

let payer: PayerWithClients;
let api: Api;
let second: Api;
let ec: KeyPair;
let endpoint: string;

beforeAll(async () => {
  payer = await startPayerWithClients();
  ({ api, second, ec, endpoint } = payer);
});

afterAll(() => payer.stop());

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
    expect((await payer.get('/observations', String(body['access_token']))).status).toBe(403);
  });

  it('cannot make an operator of a partner', async () => {
    const { body } = await postToken(
      api.url,
      { scope: 'carryover.admin' },
      basic('by-secret', encodeURIComponent(SECRET)),
    );
    expect((await payer.get('/operator-only', String(body['access_token']))).status).toBe(403);
    expect((await payer.get('/operator-only', await operatorToken(api))).status).toBe(200);
  });
});

describe('a bearer token', () => {
  it('names the caller, whichever process gave it', async () => {
    const { body } = await postToken(second.url, assertionForm(await signAssertion(ec, 'by-url', endpoint)));
    const answer = await payer.get('/whoami', String(body['access_token']));
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
    expect((await payer.get('/whoami', await sign({}))).status).toBe(200);
    const answer = await payer.get('/whoami', await sign(claims));
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
    expect((await payer.get('/whoami', token)).status).toBe(401);
  });

  it('opens nothing from the moment that its client is disabled, and again when it is enabled', async () => {
    const known = await api.clients.create({
      clientId: 'revoked',
      name: 'Revoked',
      jwks: { keys: [ec.publicJwk] },
      scopes: 'system/*.rs',
      enabled: true,
    });
    const { body } = await payer.tokenFor(ec, 'revoked');
    const token = String(body['access_token']);
    expect((await payer.get('/whoami', token, second.url)).status).toBe(200);
    const { pid, ...definition } = known;
    await api.clients.update(pid, { ...definition, enabled: false });
    expect((await payer.get('/whoami', token, second.url)).status).toBe(401);
    expect((await payer.tokenFor(ec, 'revoked')).body).toEqual(REFUSED);
    await api.clients.update(pid, { ...definition, enabled: true });
    expect((await payer.get('/whoami', token, second.url)).status).toBe(200);
  });

  it('opens no more than its client may have now', async () => {
    const known = await api.clients.create({
      clientId: 'narrowed',
      name: 'Narrowed',
      jwks: { keys: [ec.publicJwk] },
      scopes: 'system/*.rs',
      enabled: true,
    });
    const { body } = await payer.tokenFor(ec, 'narrowed');
    const { pid, ...definition } = known;
    await api.clients.update(pid, { ...definition, scopes: 'system/Patient.rs' });
    expect((await payer.get('/observations', String(body['access_token']))).status).toBe(403);
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
