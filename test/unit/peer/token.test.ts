import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import type { JWK } from 'jose';
import { createPeerHttp } from '../../../peer/http.ts';
import { createTokenSource } from '../../../peer/token.ts';
import type { TokenSource } from '../../../peer/token.ts';
import { memoryTokenCache } from '../../support/memory-token-cache.ts';
import { failureOf, json, payerAt, tinyServer } from './tiny-server.ts';
import type { Answer, Seen, TinyServer } from './tiny-server.ts';

const http = createPeerHttp({ headersTimeoutMs: 2000 });
afterAll(async () => http.close());

let server: TinyServer;
let tokenAnswer: Answer;
let smart: Record<string, unknown> | undefined;
let clock: number;
let cache: ReturnType<typeof memoryTokenCache>;
let tokens: TokenSource;

const granted = (more: Record<string, unknown> = {}): Answer => {
  let issued = 0;
  return (_request, response) =>
    json(response, 200, {
      access_token: `token-${++issued}`,
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'system/*.rs',
      ...more,
    });
};
const tokenRequests = (): readonly Seen[] => server.seen.filter(({ path }) => path === '/oauth/token');
const form = (index = 0): URLSearchParams => new URLSearchParams(tokenRequests()[index]?.body);

beforeEach(async () => {
  tokenAnswer = granted();
  clock = Date.now();
  cache = memoryTokenCache();
  tokens = createTokenSource({ cache, http, now: () => clock });
  server = await tinyServer((request, response) => {
    if (request.path === '/oauth/token') return tokenAnswer(request, response);
    const isSmart = request.path === '/fhir/.well-known/smart-configuration' && smart !== undefined;
    return isSmart ? json(response, 200, smart) : json(response, 404, {});
  });
  smart = { token_endpoint: `${server.url}/oauth/token` };
});
afterEach(async () => server.close());

describe('client assertions', () => {
  it.each([
    ['RS384', { modulusLength: 2048 }],
    ['ES384', {}],
  ])('are signed by %s for the token endpoint, at most five minutes, each with its own jti', async (alg, options) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { ...options, extractable: true });
    const privateJwk = { ...(await exportJWK(privateKey)), kid: 'key-1', alg, use: 'sig', key_ops: ['sign'] };
    const published: JWK = { ...(await exportJWK(publicKey)), kid: 'key-1', alg };
    const payer = payerAt(server.url, { privateJwk, clientSecret: undefined });
    await tokens.get(payer);
    clock += 400_000;
    await tokens.get(payer);

    const ids = new Set<unknown>();
    for (const index of [0, 1]) {
      const sent = form(index);
      expect(sent.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      expect(sent.get('grant_type')).toBe('client_credentials');
      expect(sent.get('scope')).toBe('system/*.rs');
      expect(sent.has('client_secret')).toBe(false);
      const assertion = sent.get('client_assertion') ?? '';
      expect(decodeProtectedHeader(assertion)).toEqual({ alg, kid: 'key-1', typ: 'JWT' });
      const { payload } = await jwtVerify(assertion, createLocalJWKSet({ keys: [published] }), {
        audience: `${server.url}/oauth/token`,
        issuer: 'new-payer',
        subject: 'new-payer',
      });
      const lifetime = (payload.exp ?? 0) - Math.floor(Date.now() / 1000);
      expect(lifetime).toBeGreaterThan(60);
      expect(lifetime).toBeLessThanOrEqual(300);
      // A peer whose clock is behind ours must not find it not valid yet.
      expect(payload.nbf).toBeUndefined();
      ids.add(payload.jti);
    }
    expect(ids.size).toBe(2);
    expect(tokenRequests()[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    ['a P-256 key', async () => exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey)],
    ['a public key', async () => exportJWK((await generateKeyPair('ES384', { extractable: true })).publicKey)],
    ['a damaged key', async () => Promise.resolve({ kty: 'EC', crv: 'P-384', x: 'AA', y: 'AA', d: 'AA' })],
  ])('are not made with %s, and nothing is sent', async (_name, key) => {
    const payer = payerAt(server.url, { privateJwk: await key() });
    expect(await failureOf(tokens.get(payer))).toMatchObject({ code: 'token-refused' });
    expect(tokenRequests()).toHaveLength(0);
  });
});

describe('client secrets', () => {
  it('go by Basic', async () => {
    await tokens.get(payerAt(server.url, { clientSecret: 'p%: ä' }));
    const [, credentials = ''] = /^Basic (.+)$/.exec(tokenRequests()[0]?.headers.authorization ?? '') ?? [];
    expect(Buffer.from(credentials, 'base64').toString()).toBe('new-payer:p%25%3A+%C3%A4');
    expect(form().has('client_secret')).toBe(false);
  });

  it('go in the body where the server knows nothing else', async () => {
    smart = { ...smart, token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'] };
    await tokens.get(payerAt(server.url));
    expect(tokenRequests()[0]?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(form())).toMatchObject({ client_id: 'new-payer', client_secret: 's3cret' });
  });
});

describe('the token endpoint', () => {
  it('is the one given, without discovery', async () => {
    await tokens.get(payerAt(server.url, { tokenEndpoint: `${server.url}/oauth/token` }));
    expect(server.seen.map(({ path }) => path)).toEqual(['/oauth/token']);
  });

  it('is found in the document given', async () => {
    const other = await tinyServer((_request, response) =>
      json(response, 200, { token_endpoint: `${server.url}/oauth/token` }),
    );
    await tokens.get(payerAt(server.url, { authWellKnown: `${other.url}/well-known` }));
    expect(other.seen.map(({ path }) => path)).toEqual(['/well-known']);
    await other.close();
  });

  it('is found in an old CapabilityStatement', async () => {
    smart = undefined;
    const extension = [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: `${server.url}/oauth/token` }],
      },
    ];
    const old = await tinyServer(({ path }, response) =>
      path === '/fhir/metadata'
        ? json(response, 200, { rest: [{ security: { extension } }] })
        : json(response, 404, {}),
    );
    await tokens.get(payerAt(old.url, { allowedHosts: [server.place] }));
    expect(tokenRequests()).toHaveLength(1);
    await old.close();
  });

  it('on a host that nobody named gets no secret', async () => {
    const thief = await tinyServer(granted());
    smart = { token_endpoint: `${thief.url}/oauth/token` };
    expect(await failureOf(tokens.get(payerAt(server.url)))).toMatchObject({ code: 'host-not-allowed' });
    expect(thief.seen).toHaveLength(0);
    await thief.close();
  });

  it('that redirects gets no second request', async () => {
    tokenAnswer = (_request, response) => response.writeHead(307, { location: '/elsewhere' }).end();
    expect(await failureOf(tokens.get(payerAt(server.url)))).toMatchObject({ code: 'peer-invalid' });
    expect(server.seen.map(({ path }) => path)).not.toContain('/elsewhere');
  });
});

describe('custom parameters', () => {
  it('are sent with a value and read without one', async () => {
    tokenAnswer = granted({ patient: 'm-1', n: 7 });
    const token = await tokens.get(payerAt(server.url, { customTokenParams: 'tenant=a=b, patient ,n,absent' }));
    expect(form().get('tenant')).toBe('a=b');
    expect(token.custom).toEqual({ patient: 'm-1', n: '7' });
  });
});

describe('granted scope', () => {
  it.each([
    ['system/*.read', false],
    [undefined, false],
    ['system/Patient.rs system/Coverage.rs', true],
  ])('%s of system/*.rs: narrowed %s', async (scope, narrowed) => {
    tokenAnswer = granted({ scope });
    expect(await tokens.get(payerAt(server.url))).toMatchObject({ narrowed });
  });

  it('of nothing that was asked for is an error', async () => {
    tokenAnswer = granted({ scope: 'system/*.cud openid' });
    expect(await failureOf(tokens.get(payerAt(server.url)))).toMatchObject({ code: 'scope-insufficient' });
    expect(cache.entries.size).toBe(0);
  });
});

describe('the cache', () => {
  it.each([
    [300, 269_000, 271_000],
    [10, 8_900, 9_100],
    ['60', 53_900, 54_100],
  ])('renews a token of %s seconds before it ends', async (lifetime, used, renewed) => {
    tokenAnswer = granted({ expires_in: lifetime });
    const payer = payerAt(server.url);
    const start = clock;
    await tokens.get(payer);
    clock = start + used;
    expect(await tokens.get(payer)).toMatchObject({ accessToken: 'token-1' });
    clock = start + renewed;
    expect(await tokens.get(payer)).toMatchObject({ accessToken: 'token-2' });
  });

  it('asks once for callers at the same time', async () => {
    const payer = payerAt(server.url);
    const got = await Promise.all([1, 2, 3, 4].map(async () => tokens.get(payer)));
    expect(new Set(got.map(({ accessToken }) => accessToken))).toEqual(new Set(['token-1']));
    expect(tokenRequests()).toHaveLength(1);
  });

  it('lets one caller go without ending the request of the others', async () => {
    const payer = payerAt(server.url);
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const leaving = failureOf(tokens.get(payer, controller.signal));
    const staying = tokens.get(payer);
    controller.abort(reason);
    expect(await leaving).toBe(reason);
    expect(await staying).toMatchObject({ accessToken: 'token-1' });
  });

  it('forgets a refused token, but not its successor', async () => {
    const payer = payerAt(server.url);
    await tokens.get(payer);
    await tokens.invalidate(payer, 'token-1');
    expect(await tokens.get(payer)).toMatchObject({ accessToken: 'token-2' });
    await tokens.invalidate(payer, 'token-1');
    expect(await tokens.get(payer)).toMatchObject({ accessToken: 'token-2' });
  });

  it('keeps tokens of a changed definition apart', async () => {
    await tokens.get(payerAt(server.url));
    await tokens.get(payerAt(server.url, { scopes: 'system/Patient.rs' }));
    expect(tokenRequests()).toHaveLength(2);
  });
});

describe('errors of the token endpoint', () => {
  it.each([
    [
      400,
      { error: 'invalid_scope', error_description: 'no such scope' },
      'token-refused',
      /invalid_scope \(no such scope\)/,
    ],
    [401, { error: 'invalid_client' }, 'token-refused', /invalid_client/],
    [403, { message: 'no' }, 'token-refused', /403/],
    [400, { error: 'temporarily_unavailable' }, 'peer-unreachable', /temporarily/],
    [503, {}, 'peer-unreachable', /503/],
    [429, {}, 'peer-busy', /429/],
    [200, { token_type: 'bearer' }, 'peer-invalid', /./],
    [200, { access_token: 'x', token_type: 'mac' }, 'peer-invalid', /./],
  ])('HTTP %i %j: %s', async (status, body, code, detail) => {
    tokenAnswer = (_request, response) => json(response, status, body);
    expect(await failureOf(tokens.get(payerAt(server.url)))).toMatchObject({
      code,
      detail: expect.stringMatching(detail),
    });
    expect(tokenRequests()).toHaveLength(1);
  });

  it('name other credentials that a challenge asks for', async () => {
    tokenAnswer = (_request, response) => json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' });
    expect(await failureOf(tokens.get(payerAt(server.url)))).toMatchObject({ code: 'token-refused' });
  });

  it('say how long to wait', async () => {
    tokenAnswer = (_request, response) => json(response, 503, {}, { 'retry-after': '7' });
    expect(await failureOf(tokens.get(payerAt(server.url)))).toMatchObject({ code: 'peer-busy', retryAfterMs: 7000 });
  });

  it('hold no token in any cause', async () => {
    tokenAnswer = (_request, response) => json(response, 200, { access_token: 'sentinel-token', token_type: 'mac' });
    const error = await failureOf(tokens.get(payerAt(server.url)));
    expect(error).toMatchObject({ code: 'peer-invalid', cause: undefined });
  });
});
