import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { oidcClientInput, oidcServerInput } from '../../../fhir/oidc-definitions.ts';
import { startApi } from '../../support/authorization.ts';
import type { Api } from '../../support/authorization.ts';
import { startP2pApi } from '../../support/p2p-api.ts';
import type { P2pApi } from '../../support/p2p-api.ts';
import { SECRETS, SENTINEL } from '../../support/server-secrets.ts';

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

let p2p: P2pApi;
let api: Api;

beforeAll(async () => {
  p2p = await startP2pApi();
  ({ api } = p2p);
});

afterAll(() => p2p.stop());

const server = (name: string, more: object = {}): object => ({
  ...VENDOR_SERVER,
  ...{ name, issuer: `https://${name}.example/issuer` },
  ...more,
});

describe('a server definition', () => {
  it('of the vendor is registered, listed and read as the vendor shows it', async () => {
    const created = await p2p.ask('POST', '/api/oidc_servers', VENDOR_SERVER);
    expect(created.status).toBe(201);
    const pid = Number(created.body['pid']);
    expect(pid).toBeGreaterThanOrEqual(1);
    expect(created.headers.get('location')).toBe(`/api/oidc_servers/${pid}`);
    expect((await p2p.ask('GET', `/api/oidc_servers/${pid}`)).body).toMatchObject({ pid, ...VENDOR_SERVER });
    const { servers } = (await p2p.ask('GET', '/api/oidc_servers')).body as { servers: unknown[] };
    expect(servers).toContainEqual({ pid, name: 'P2P Source Payer A' });
  });

  it('never shows its secrets, and the database has them sealed', async () => {
    const created = await p2p.ask('POST', '/api/oidc_servers', server('secretive', SECRETS));
    const path = `/api/oidc_servers/${String(created.body['pid'])}`;
    const answers = [
      created,
      await p2p.ask('GET', path),
      await p2p.ask('GET', '/api/oidc_servers'),
      await p2p.ask('PUT', path, server('secretive', SECRETS)),
      await p2p.ask('POST', '/api/oidc_servers', server('secretive', SECRETS)),
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
    const created = await p2p.ask('POST', '/api/oidc_servers', server('kept', SECRETS));
    const pid = Number(created.body['pid']);
    // What was read is sent back.
    const read = (await p2p.ask('GET', `/api/oidc_servers/${pid}`)).body;
    const answer = await p2p.ask('PUT', `/api/oidc_servers/${pid}`, {
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
    const { status, error, text } = await p2p.ask('POST', '/api/oidc_servers', definition);
    expect([status, error.code, error.field]).toEqual([400, 'request-invalid', field]);
    expect(text).not.toContain(SENTINEL);
  });

  it('that is no JSON is refused without its text', async () => {
    const { status, text } = await p2p.ask('POST', '/api/oidc_servers', `{"clientSecret": "${SENTINEL}",`);
    expect(status).toBe(400);
    expect(text).not.toContain(SENTINEL);
  });

  it('has an issuer of its own, a trailing slash ignored', async () => {
    const first = await p2p.ask('POST', '/api/oidc_servers', server('unique'));
    const second = await p2p.ask(
      'POST',
      '/api/oidc_servers',
      server('unique', { issuer: 'https://unique.example/issuer/' }),
    );
    expect([first.status, second.status, second.error.field]).toEqual([201, 409, 'issuer']);
    const other = await p2p.ask('POST', '/api/oidc_servers', server('other'));
    const moved = await p2p.ask('PUT', `/api/oidc_servers/${String(other.body['pid'])}`, server('unique'));
    expect([moved.status, moved.error.code]).toEqual([409, 'conflict']);
  });

  it('is registered once, however many do so at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => p2p.ask('POST', '/api/oidc_servers', server('race'))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(7).fill(409)]);
  });

  it('that is not there is 404 for every method, and so is what is no pid', async () => {
    for (const path of ['/api/oidc_servers/99999', '/api/oidc_servers/0', '/api/oidc_servers/abc']) {
      const answers = [
        await p2p.ask('GET', path),
        await p2p.ask('PUT', path, server('nobody')),
        await p2p.ask('DELETE', path),
      ];
      expect(answers.map(({ status, error }) => [status, error.code])).toEqual(Array(3).fill([404, 'not-found']));
    }
  });

  it('is removed, unless an exchange with it runs', async () => {
    const { body } = await p2p.ask('POST', '/api/oidc_servers', server('busy'));
    const pid = Number(body['pid']);
    await api.prisma.exchange.create({
      data: {
        ...{ id: 'running', payerPid: pid, organizationId: 'o', localPatientId: 'p', fingerprint: 'f' },
        request: new Uint8Array(),
      },
    });
    expect((await p2p.ask('DELETE', `/api/oidc_servers/${pid}`)).status).toBe(409);
    await api.prisma.exchange.update({ where: { id: 'running' }, data: { active: false } });
    expect((await p2p.ask('DELETE', `/api/oidc_servers/${pid}`)).status).toBe(204);
    expect((await p2p.ask('GET', `/api/oidc_servers/${pid}`)).status).toBe(404);
  });
});

describe('the lists of the configuration file', () => {
  const servers = [oidcServerInput.parse(server('from-file')), oidcServerInput.parse(server('also-from-file'))];
  const clients = [oidcClientInput.parse({ clientId: 'from-file', name: 'File', clientSecret: SENTINEL })];

  it('are applied once, however many processes start at the same time', async () => {
    const second = await startApi({ databaseUrl: p2p.databaseUrl, publicUrl: api.publicUrl });
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
    const before = await p2p.ask('POST', '/api/oidc_servers', server('before'));
    await api.servers.apply(servers);
    await api.servers.apply(servers);
    const after = await p2p.ask('POST', '/api/oidc_servers', server('after'));
    expect(Number(after.body['pid'])).toBe(Number(before.body['pid']) + 1);
  });
});
