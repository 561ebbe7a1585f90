import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { oidcClientInput, oidcServerInput } from '../../fhir/oidc-definitions.ts';
import {
  assertionForm,
  newKeyPair,
  OPERATOR,
  operatorToken,
  postToken,
  signAssertion,
  startApi,
} from '../support/authorization.ts';
import type { Api } from '../support/authorization.ts';
import { createTestDatabase } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';

const SENTINEL = 'sentinel-of-a-secret';

/** As the vendor publishes it, but for the pid. */
const VENDOR_SERVER = {
  name: 'P2P Source Payer A',
  issuer: 'https://sourcepayerA.com/issuer',
  clientId: 'p2pexchangeclientId',
  scopes: 'openid profile offline_access',
  customTokenParams: 'memberId',
  authWellKnown: 'https://sourcepayerA.com/.well-known/openid-configuration',
  tokenEndpoint: 'https://sourcepayerA.com/token-endpoint',
  fhirEndpoint: 'https://sourcepayerA.com/fhir-endpoint',
  responseType: 'code',
  organizationId: 'ABCD',
};

const SECRETS = {
  clientSecret: SENTINEL,
  privateJwk: { kty: 'EC', crv: 'P-384', x: 'x', y: 'y', d: SENTINEL },
  introspectionClientSecret: SENTINEL,
};

let database: TestDatabase;
let api: Api;
let token: string;

beforeAll(async () => {
  database = await createTestDatabase();
  api = await startApi({ databaseUrl: database.url });
  token = await operatorToken(api);
});

afterAll(async () => {
  await api.stop();
  await database.drop();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Empty unless the answer is an error. */
  readonly error: { readonly code?: string; readonly field?: string };
}

async function ask(method: string, path: string, json?: unknown, bearer: string | undefined = token): Promise<Answer> {
  const response = await fetch(`${api.p2pUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, ...(json !== undefined && { 'content-type': 'application/json' }) },
    ...(json !== undefined && { body: typeof json === 'string' ? json : JSON.stringify(json) }),
  });
  const text = await response.text();
  const body = text === '' ? {} : (JSON.parse(text) as Answer['body']);
  return {
    status: response.status,
    headers: response.headers,
    ...{ text, body, error: body['error'] ?? {} },
  };
}

const server = (name: string, more: object = {}): object => ({
  ...VENDOR_SERVER,
  ...{ name, issuer: `https://${name}.example/issuer` },
  ...more,
});

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
    expect((await ask('POST', '/api/oidc_clients', partner)).status).toBe(201);
    const assertion = await signAssertion(key, 'a-partner', `${api.publicUrl}/oauth/token`);
    const form = assertionForm(assertion, 'system/*.cruds carryover.admin');
    const { body } = await postToken(api.url, form);
    const answer = await ask('GET', '/api/oidc_servers', undefined, String(body['access_token']));
    expect([answer.status, answer.error.code]).toEqual([403, 'forbidden']);
  });
});

describe('a server definition', () => {
  it('of the vendor is registered, listed and read as the vendor shows it', async () => {
    const created = await ask('POST', '/api/oidc_servers', VENDOR_SERVER);
    expect(created.status).toBe(201);
    const pid = Number(created.body['pid']);
    expect(pid).toBeGreaterThanOrEqual(1);
    expect(created.headers.get('location')).toBe(`/api/oidc_servers/${pid}`);
    expect((await ask('GET', `/api/oidc_servers/${pid}`)).body).toMatchObject({ pid, ...VENDOR_SERVER });
    const { servers } = (await ask('GET', '/api/oidc_servers')).body as { servers: unknown[] };
    expect(servers).toContainEqual({ pid, name: 'P2P Source Payer A' });
  });

  it('never shows its secrets, and the database has them sealed', async () => {
    const created = await ask('POST', '/api/oidc_servers', server('secretive', SECRETS));
    const path = `/api/oidc_servers/${String(created.body['pid'])}`;
    const answers = [
      created,
      await ask('GET', path),
      await ask('GET', '/api/oidc_servers'),
      await ask('PUT', path, server('secretive', SECRETS)),
      await ask('POST', '/api/oidc_servers', server('secretive', SECRETS)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 409]);
    for (const { text } of answers) expect(text).not.toContain(SENTINEL);
    const rows = await api.prisma.oidcServer.findMany();
    expect(JSON.stringify(rows.map(({ definition }) => definition))).not.toContain(SENTINEL);
    for (const { secrets } of rows) expect(Buffer.from(secrets).toString('latin1')).not.toContain(SENTINEL);
    expect(await api.servers.read(Number(created.body['pid']))).toMatchObject(SECRETS);
    expect(api.logLines.join('\n')).not.toContain(SENTINEL);
  });

  it('keeps a secret that an update leaves out, and loses one that is null', async () => {
    const created = await ask('POST', '/api/oidc_servers', server('kept', SECRETS));
    const pid = Number(created.body['pid']);
    // What was read is sent back.
    const read = (await ask('GET', `/api/oidc_servers/${pid}`)).body;
    const answer = await ask('PUT', `/api/oidc_servers/${pid}`, {
      ...read,
      notes: 'new',
      introspectionClientSecret: null,
    });
    expect([answer.status, answer.body['notes']]).toEqual([200, 'new']);
    const { clientSecret, introspectionClientSecret } = await api.servers.read(pid);
    expect([clientSecret, introspectionClientSecret]).toEqual([SENTINEL, undefined]);
  });

  it.each([
    ['issuer', server('wrong', { issuer: 'ftp://x' })],
    ['issuer', { ...server('wrong'), issuer: undefined }],
    ['fhirEndpoint', server('wrong', { fhirEndpoint: 'not a url' })],
    ['responseType', server('wrong', { responseType: 'password' })],
    ['maxConcurrentExchanges', server('wrong', { maxConcurrentExchanges: 0 })],
    ['allowedHosts.1', server('wrong', { allowedHosts: ['a.example', 'http://b.example'] })],
    ['jwks.keys', server('wrong', { jwks: { keys: 'none' } })],
    ['secret', server('wrong', { secret: SENTINEL })],
  ])('with a wrong %s is refused, and the field named', async (field, definition) => {
    const { status, error, text } = await ask('POST', '/api/oidc_servers', definition);
    expect([status, error.code, error.field]).toEqual([400, 'request-invalid', field]);
    expect(text).not.toContain(SENTINEL);
  });

  it('that is no JSON is refused without its text', async () => {
    const { status, text } = await ask('POST', '/api/oidc_servers', `{"clientSecret": "${SENTINEL}",`);
    expect(status).toBe(400);
    expect(text).not.toContain(SENTINEL);
  });

  it('has an issuer of its own, a trailing slash ignored', async () => {
    const first = await ask('POST', '/api/oidc_servers', server('unique'));
    const second = await ask(
      'POST',
      '/api/oidc_servers',
      server('unique', { issuer: 'https://unique.example/issuer/' }),
    );
    expect([first.status, second.status, second.error.field]).toEqual([201, 409, 'issuer']);
    const other = await ask('POST', '/api/oidc_servers', server('other'));
    const moved = await ask('PUT', `/api/oidc_servers/${String(other.body['pid'])}`, server('unique'));
    expect([moved.status, moved.error.code]).toEqual([409, 'conflict']);
  });

  it('is registered once, however many do so at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ask('POST', '/api/oidc_servers', server('race'))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(7).fill(409)]);
  });

  it('that is not there is 404 for every method, and so is what is no pid', async () => {
    for (const path of ['/api/oidc_servers/99999', '/api/oidc_servers/0', '/api/oidc_servers/abc']) {
      const answers = [await ask('GET', path), await ask('PUT', path, server('nobody')), await ask('DELETE', path)];
      expect(answers.map(({ status, error }) => [status, error.code])).toEqual(Array(3).fill([404, 'not-found']));
    }
  });

  it('is removed, unless an exchange with it runs', async () => {
    const { body } = await ask('POST', '/api/oidc_servers', server('busy'));
    const pid = Number(body['pid']);
    await api.prisma.exchange.create({
      data: {
        ...{ id: 'running', payerPid: pid, organizationId: 'o', localPatientId: 'p', fingerprint: 'f' },
        request: new Uint8Array(),
      },
    });
    expect((await ask('DELETE', `/api/oidc_servers/${pid}`)).status).toBe(409);
    await api.prisma.exchange.update({ where: { id: 'running' }, data: { active: false } });
    expect((await ask('DELETE', `/api/oidc_servers/${pid}`)).status).toBe(204);
    expect((await ask('GET', `/api/oidc_servers/${pid}`)).status).toBe(404);
  });
});

describe('a client definition', () => {
  const CLIENT = { clientId: 'new-payer', name: 'New Health Plan', clientSecret: SENTINEL, organizationId: 'new' };

  it('is registered, enabled, listed, and read without its secret', async () => {
    const created = await ask('POST', '/api/oidc_clients', CLIENT);
    const { clientSecret: _secret, ...visible } = CLIENT;
    const { pid } = created.body;
    expect(created.body).toEqual({ pid, ...visible, scopes: 'system/*.rs', enabled: true });
    const { clients } = (await ask('GET', '/api/oidc_clients')).body as { clients: unknown[] };
    expect(clients).toContainEqual({ pid, name: 'New Health Plan' });
  });

  it('is out of the token endpoint once an update disables it, and keeps its secret', async () => {
    const created = await ask('POST', '/api/oidc_clients', { ...CLIENT, clientId: 'switched' });
    const form = { client_id: 'switched', client_secret: SENTINEL, scope: 'system/*.rs' };
    const path = `/api/oidc_clients/${String(created.body['pid'])}`;
    expect((await postToken(api.url, form)).status).toBe(200);
    expect((await ask('PUT', path, { ...created.body, enabled: false })).status).toBe(200);
    expect((await postToken(api.url, form)).status).toBe(401);
    expect((await ask('PUT', path, { ...created.body, enabled: true })).status).toBe(200);
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
    const answer = await ask('POST', '/api/oidc_clients', definition);
    expect([answer.status, answer.error.field]).toEqual([status, field]);
    expect(answer.text).not.toContain(SENTINEL);
  });
});

describe('the lists of the configuration file', () => {
  const servers = [oidcServerInput.parse(server('from-file')), oidcServerInput.parse(server('also-from-file'))];
  const clients = [oidcClientInput.parse({ clientId: 'from-file', name: 'File', clientSecret: SENTINEL })];

  it('are applied once, however many processes start at the same time', async () => {
    const second = await startApi({ databaseUrl: database.url, publicUrl: api.publicUrl });
    try {
      await Promise.all(
        [api, second, api, second].map(async (one) => {
          await one.servers.apply(servers);
          await one.clients.apply(clients);
        }),
      );
    } finally {
      await second.stop();
    }
    const names = (await api.servers.list()).map(({ name }) => name);
    expect(names.filter((name) => name.endsWith('from-file')).sort()).toEqual(['also-from-file', 'from-file']);
    expect((await api.clients.list()).filter(({ clientId }) => clientId === 'from-file')).toHaveLength(1);
  });

  it('keep the pid, bring what changed, and leave the secrets that they do not name', async () => {
    const find = async () => (await api.servers.list()).find(({ name }) => name.startsWith('from-file'));
    const before = await find();
    if (before === undefined) throw new Error('not applied');
    const { pid, ...definition } = before;
    await api.servers.update(pid, { ...definition, clientSecret: SENTINEL });
    const [first] = servers;
    if (first === undefined) throw new Error('no server');
    await api.servers.apply([{ ...first, issuer: `${first.issuer}/`, name: 'from-file, renamed' }]);
    expect(await find()).toMatchObject({ pid, name: 'from-file, renamed', clientSecret: SENTINEL });
  });

  it('use up no pid of their own when nothing is new', async () => {
    const before = await ask('POST', '/api/oidc_servers', server('before'));
    await api.servers.apply(servers);
    await api.servers.apply(servers);
    const after = await ask('POST', '/api/oidc_servers', server('after'));
    expect(Number(after.body['pid'])).toBe(Number(before.body['pid']) + 1);
  });
});

describe('the description', () => {
  interface OpenApi {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly components: {
      readonly schemas: Readonly<Record<string, { properties: Record<string, { writeOnly?: boolean }> }>>;
    };
  }
  const read = async (): Promise<OpenApi> => (await (await fetch(`${api.p2pUrl}/openapi.json`)).json()) as OpenApi;

  it('is OpenAPI 3.1 of every route, and all its references lead somewhere', async () => {
    const document = await read();
    expect(document.openapi).toBe('3.1.0');
    const methods = Object.entries(document.paths).map(([path, item]) => [
      path,
      Object.keys(item).filter((name) => ['get', 'post', 'put', 'delete'].includes(name)),
    ]);
    expect(methods).toEqual([
      ['/api/oidc_servers', ['get', 'post']],
      ['/api/oidc_servers/{id}', ['get', 'put', 'delete']],
      ['/api/oidc_servers/{id}/preflight', ['get']],
      ['/api/oidc_clients', ['get', 'post']],
      ['/api/oidc_clients/{id}', ['get', 'put', 'delete']],
    ]);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it('has the fields that the routes read, and no secret among those that they show', async () => {
    const { schemas } = (await read()).components;
    const fieldsOf = (name: string) => Object.keys(schemas[name]?.properties ?? {});
    expect(fieldsOf('OidcServerInput').sort()).toEqual(Object.keys(oidcServerInput.shape).sort());
    expect(fieldsOf('OidcServer')).not.toEqual(expect.arrayContaining(['clientSecret']));
    expect(fieldsOf('OidcServer')).toContain('pid');
    const secrets = Object.entries(schemas['OidcServerInput']?.properties ?? {}).filter(
      ([, { writeOnly }]) => writeOnly,
    );
    expect(secrets.map(([name]) => name).sort()).toEqual(Object.keys(SECRETS).sort());
  });

  it('is shown by Swagger UI from our own files alone', async () => {
    const page = await fetch(`${api.p2pUrl}/`);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => String(file));
    expect(files).toHaveLength(4);
    for (const file of files) {
      const answer = await fetch(`${api.p2pUrl}/${file}`);
      expect([file, answer.status]).toEqual([file, 200]);
      await answer.arrayBuffer();
    }
    expect((await fetch(`${api.p2pUrl}/swagger/package.json`)).status).toBe(404);
  });
});
