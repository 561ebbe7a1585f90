import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ExchangeError } from '../../../fhir/errors.ts';
import { createPeerHttp } from '../../../peer/http.ts';
import { createExchangeTokens } from '../../../peer/portal-token.ts';
import { createTokenSource } from '../../../peer/token.ts';
import type { ReachedPayer, TokenSource } from '../../../peer/token.ts';
import type { PrismaClient } from '../../../prisma/generated/client.ts';
import { createSeal } from '../../../seal.ts';
import { createPortalTokenStore } from '../../../store/portal-tokens.ts';
import type { PortalTokens, PortalTokenStore } from '../../../store/portal-tokens.ts';
import { createPrisma } from '../../../store/prisma.ts';
import { createTokenCache } from '../../../store/token-cache.ts';
import { inSeconds, newKeyPair } from '../../support/authorization.ts';
import type { KeyPair } from '../../support/authorization.ts';
import { createTestDatabase } from '../../support/environment.ts';
import type { TestDatabase } from '../../support/environment.ts';
import { json, payerAt, tinyServer } from '../../unit/peer/tiny-server.ts';
import type { Seen, TinyServer } from '../../unit/peer/tiny-server.ts';
import { SignJWT } from 'jose';

const seal = createSeal([{ id: 'k1', key: randomBytes(32) }]);
const http = createPeerHttp();
let database: TestDatabase;
let prisma: PrismaClient;
let store: PortalTokenStore;
let server: TinyServer;
let exchanges = 0;

/** What the authorization server does at the moment. */
let behaviour: { refusing: boolean; waitFor: Promise<void>; active: boolean };

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = createPrisma(database.url, 5);
  store = createPortalTokenStore(prisma, seal);
  server = await tinyServer((request, response) => {
    const form = new URLSearchParams(request.body);
    if (request.path.includes('well-known')) json(response, 200, metadata());
    else if (request.path === '/introspect') json(response, 200, { active: behaviour.active, patient: 'p9' });
    else if (behaviour.refusing) {
      json(response, 400, { error: 'invalid_grant', error_description: `no ${form.get('refresh_token') ?? ''}` });
    } else void behaviour.waitFor.then(() => json(response, 200, refreshedAnswer(form)));
  });
});

afterAll(async () => {
  await http.close();
  await server.close();
  await prisma.$disconnect();
  await database.drop();
});

beforeEach(() => {
  behaviour = { refusing: false, waitFor: Promise.resolve(), active: true };
  server.seen.length = 0;
});

const metadata = (): object => ({
  ...{ issuer: server.url, token_endpoint: `${server.url}/token`, authorization_endpoint: `${server.url}/auth` },
  introspection_endpoint: `${server.url}/introspect`,
});
const refreshedAnswer = (form: URLSearchParams): object => ({
  ...{ access_token: `new-for-${form.get('refresh_token') ?? ''}`, token_type: 'Bearer', expires_in: 300 },
  refresh_token: `${form.get('refresh_token') ?? ''}+`,
});

/** A process of this payer. */
const process = (): TokenSource => {
  const own = createTokenSource({ http, now: Date.now, cache: createTokenCache(prisma, seal) });
  return createExchangeTokens({ own, store, http, now: Date.now });
};

async function exchangeWith(tokens: PortalTokens, changed: Record<string, unknown> = {}): Promise<ReachedPayer> {
  const portalExchangeId = `p2p-task-${++exchanges}`;
  await prisma.portalToken.create({ data: { exchangeId: portalExchangeId, tokens: seal.sealJson(tokens) } });
  return { ...payerAt(server.url, { clientSecret: 's', ...changed }), portalExchangeId };
}

async function failureOf(promise: Promise<unknown>): Promise<ExchangeError> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (error instanceof ExchangeError) return error;
  throw new Error('No ExchangeError was thrown.');
}

const requestsTo = (path: string): readonly Seen[] => server.seen.filter((request) => request.path === path);

describe("a portal's access token", () => {
  it('is used as it is, and nobody is asked', async () => {
    const payer = await exchangeWith({ accessToken: 'a' });
    expect(await process().get(payer)).toMatchObject({ accessToken: 'a', narrowed: false });
    expect(server.seen).toEqual([]);
  });

  it('serves its own exchange alone', async () => {
    const [one, other] = [await exchangeWith({ accessToken: 'a' }), await exchangeWith({ accessToken: 'b' })];
    const tokens = process();
    expect((await Promise.all([one, other].map((payer) => tokens.get(payer)))).map((each) => each.accessToken)).toEqual(
      [...['a', 'b']],
    );
  });

  it('that was refused is refreshed with our client authentication, once for all who ask', async () => {
    const payer = await exchangeWith({ accessToken: 'a', refreshToken: 'r' });
    const tokens = process();
    await tokens.invalidate(payer, 'a');
    const got = await Promise.all([1, 2, 3].map(() => tokens.get(payer)));
    expect(got.map(({ accessToken }) => accessToken)).toEqual(Array(3).fill('new-for-r'));
    const [request, ...others] = requestsTo('/token');
    expect([request?.headers.authorization?.startsWith('Basic '), others.length]).toEqual([true, 0]);
    await tokens.invalidate(payer, 'new-for-r');
    expect((await tokens.get(payer)).accessToken).toBe('new-for-r+');
  });

  it('that is no longer the one that was refused stays', async () => {
    const payer = await exchangeWith({ accessToken: 'newer', refreshToken: 'r' });
    await process().invalidate(payer, 'older');
    expect((await process().get(payer)).accessToken).toBe('newer');
  });

  it('is refreshed by one process, and the others take what it brought', async () => {
    const payer = await exchangeWith({ refreshToken: 'r' });
    let answer = (): void => undefined;
    behaviour.waitFor = new Promise((resolve) => (answer = resolve));
    const first = process().get(payer);
    while (requestsTo('/token').length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await failureOf(process().get(payer))).toMatchObject({ code: 'peer-busy', retryAfterMs: 1000 });
    answer();
    expect([(await first).accessToken, (await process().get(payer)).accessToken]).toEqual(['new-for-r', 'new-for-r']);
    expect(requestsTo('/token')).toHaveLength(1);
  });

  it('that cannot be refreshed is no secret of the error, and may be tried again', async () => {
    const payer = await exchangeWith({ refreshToken: 'the-refresh-token' });
    behaviour.refusing = true;
    const error = await failureOf(process().get(payer));
    expect(error.code).toBe('token-refused');
    expect(error.detail).toContain('invalid_grant');
    expect(`${error.message} ${error.detail ?? ''} ${String(error.stack)}`).not.toContain('the-refresh-token');
    behaviour.refusing = false;
    expect((await process().get(payer)).accessToken).toBe('new-for-the-refresh-token');
  });

  it('is gone with its exchange', async () => {
    const payer = await exchangeWith({ accessToken: 'a' });
    await prisma.portalToken.deleteMany({});
    expect(await failureOf(process().get(payer))).toMatchObject({ code: 'token-refused' });
  });
});

describe('what the server signed', () => {
  let key: KeyPair;
  const signed = (by: KeyPair, exp = inSeconds(60)): Promise<string> =>
    new SignJWT({ patient: 'p7', memberId: 'm-7', exp })
      .setProtectedHeader({ alg: 'ES384', kid: key.kid })
      .sign(by.privateKey);

  beforeAll(async () => {
    key = await newKeyPair('ES384');
  });

  it('is believed where the definition has its key', async () => {
    const jwks = { keys: [key.publicJwk] };
    const payer = await exchangeWith({ accessToken: await signed(key) }, { jwks, customTokenParams: 'memberId' });
    expect(await process().get(payer)).toMatchObject({ patient: 'p7', custom: { memberId: 'm-7' } });
  });

  it('is not believed without a key', async () => {
    const payer = await exchangeWith({ accessToken: await signed(key) }, { customTokenParams: 'memberId' });
    expect((await process().get(payer)).patient).toBeUndefined();
  });

  it.each([
    ['by another key', async () => signed(await newKeyPair('ES384'))],
    ['for a time that is over', () => signed(key, inSeconds(-60))],
  ])('%s is refused', async (_what, token) => {
    const payer = await exchangeWith({ accessToken: await token() }, { jwks: { keys: [key.publicJwk] } });
    expect(await failureOf(process().get(payer))).toMatchObject({ code: 'token-refused' });
  });
});

describe('introspection', () => {
  const CLIENT = { introspectionClientId: 'i', introspectionClientSecret: 'secret' };

  it('names the member, and is asked once', async () => {
    const payer = await exchangeWith({ accessToken: 'a' }, CLIENT);
    expect(await process().get(payer)).toMatchObject({ accessToken: 'a', patient: 'p9' });
    await process().get(payer);
    expect(requestsTo('/introspect').map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from('i:secret').toString('base64')}`,
    ]);
  });

  it('of a token that is not active ends it, or has it refreshed', async () => {
    behaviour.active = false;
    expect(await failureOf(process().get(await exchangeWith({ accessToken: 'a' }, CLIENT)))).toMatchObject({
      code: 'token-refused',
    });
    const payer = await exchangeWith({ accessToken: 'a', refreshToken: 'r' }, CLIENT);
    expect((await process().get(payer)).accessToken).toBe('new-for-r');
  });
});
