import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { isPrivateAddress } from '../../../peer/address-guard.ts';
import { allowedHosts } from '../../../peer/allowed-hosts.ts';
import { createPeerHttp } from '../../../peer/http.ts';
import { failureOf, json, payerAt, tinyServer } from './tiny-server.ts';
import type { Answer, TinyServer } from './tiny-server.ts';

const http = createPeerHttp({ idleTimeoutMs: 300, headersTimeoutMs: 2000 });
const servers: TinyServer[] = [];
async function serve(answer: Answer): Promise<TinyServer> {
  const server = await tinyServer(answer);
  servers.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map(async (server) => server.close()));
});
afterAll(async () => http.close());

describe('hosts of a payer', () => {
  const payer = payerAt('https://fhir.old.example', {
    allowedHosts: ['files.old.example', '[fd00::7]:8443', 'S3.example:9000'],
  });
  const isAllowed = (url: string): boolean => {
    try {
      allowedHosts(payer, 'fhir').assert(new URL(url));
      return true;
    } catch {
      return false;
    }
  };

  it.each([
    'https://fhir.old.example/fhir/x',
    'https://FHIR.old.example:443/x',
    'https://files.old.example/x',
    'https://files.old.example:8443/x',
    'https://s3.example:9000/x',
    'https://[fd00::7]:8443/x',
  ])('allows %s', (url) => {
    expect(isAllowed(url)).toBe(true);
  });

  it.each([
    'https://fhir.old.example:8443/x',
    'http://fhir.old.example/x',
    'http://files.old.example/x',
    'https://other.example/x',
    'https://old.example/x',
    'https://fhir.old.example.evil.example/x',
    'https://fhir.old.example@evil.example/x',
    'https://user:pass@fhir.old.example/x',
    'https://s3.example/x',
    'https://127.0.0.1/x',
    'file:///etc/passwd',
  ])('refuses %s', (url) => {
    expect(isAllowed(url)).toBe(false);
  });

  it('knows private addresses in each notation', () => {
    for (const address of ['127.0.0.1', '10.1.2.3', '169.254.169.254', '::1', '::ffff:10.0.0.1', 'fd00::7', 'fe80::1'])
      expect([address, isPrivateAddress(address)]).toEqual([address, true]);
    for (const address of ['1.1.1.1', '172.32.0.1', '2606:4700::1111'])
      expect([address, isPrivateAddress(address)]).toEqual([address, false]);
  });
});

describe('a public name that resolves to a private address', () => {
  const resolveName = (
    _name: string,
    done: (error: null, found: { address: string; family: number }[]) => void,
  ): void => done(null, [{ address: '127.0.0.1', family: 4 }]);

  it('is not connected to', async () => {
    const server = await serve((_request, response) => json(response, 200, {}));
    const guarded = createPeerHttp({ resolveName });
    const port = new URL(server.url).port;
    const payer = payerAt(`http://fhir.old.example:${port}`);
    const error = await failureOf(guarded.fetch(payer, { method: 'GET', url: `${payer.fhirEndpoint}/x` }));
    expect(error).toMatchObject({ code: 'host-not-allowed' });
    expect(server.seen).toHaveLength(0);
    await guarded.close();
  });

  it('is connected to where the operator wrote the address down', async () => {
    const server = await serve((_request, response) => json(response, 200, {}));
    const guarded = createPeerHttp({ resolveName });
    const port = new URL(server.url).port;
    const payer = payerAt(`http://fhir.old.example:${port}`, { allowedHosts: ['127.0.0.1'] });
    const response = await guarded.fetch(payer, { method: 'GET', url: `${payer.fhirEndpoint}/x` });
    expect(response.status).toBe(200);
    await response.body.dump();
    await guarded.close();
  });
});

describe('redirects', () => {
  it('keep the bearer away from another origin that does not ask for it', async () => {
    const store = await serve((_request, response) => json(response, 200, {}));
    const server = await serve((_request, response) =>
      response.writeHead(302, { location: `${store.url}/signed` }).end(),
    );
    const payer = payerAt(server.url, { allowedHosts: [store.place] });
    const response = await http.fetch(payer, { method: 'GET', url: `${server.url}/file`, bearer: 'secret-token' });
    await response.body.dump();
    expect(server.seen[0]?.headers.authorization).toBe('Bearer secret-token');
    expect(store.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(response.url).toBe(`${store.url}/signed`);
  });

  it('bring the bearer to an allowed host that asks for it', async () => {
    const store = await serve(({ headers }, response) => json(response, headers.authorization ? 200 : 401, {}));
    const server = await serve((_request, response) => response.writeHead(307, { location: `${store.url}/f` }).end());
    const payer = payerAt(server.url, { allowedHosts: [store.place] });
    const response = await http.fetch(payer, { method: 'GET', url: `${server.url}/file`, bearer: 'secret-token' });
    await response.body.dump();
    expect(response.status).toBe(200);
  });

  it('to a host that is not allowed are not followed', async () => {
    const store = await serve((_request, response) => json(response, 200, {}));
    const server = await serve((_request, response) => response.writeHead(302, { location: `${store.url}/x` }).end());
    const error = await failureOf(http.fetch(payerAt(server.url), { method: 'GET', url: `${server.url}/file` }));
    expect(error).toMatchObject({ code: 'host-not-allowed' });
    expect(store.seen).toHaveLength(0);
  });

  it('keep method and body of a POST, and the bearer within the origin', async () => {
    const server = await serve(({ path }, response) =>
      path === '/new' ? json(response, 200, {}) : response.writeHead(308, { location: '/new' }).end(),
    );
    const request = { method: 'POST', url: `${server.url}/old`, body: 'hello', bearer: 't' } as const;
    await (await http.fetch(payerAt(server.url), request)).body.dump();
    expect(server.seen[1]).toMatchObject({ method: 'POST', body: 'hello', headers: { authorization: 'Bearer t' } });
  });

  it('in a circle end', async () => {
    const server = await serve((_request, response) => response.writeHead(302, { location: '/again' }).end());
    const error = await failureOf(http.fetch(payerAt(server.url), { method: 'GET', url: `${server.url}/a` }));
    expect(error).toMatchObject({ code: 'peer-invalid' });
    expect(server.seen).toHaveLength(6);
  });
});

describe('a peer that does not answer', () => {
  it('is unreachable when nothing listens', async () => {
    const placeholder = createServer();
    await new Promise<void>((resolve) => placeholder.listen(0, '127.0.0.1', resolve));
    const { port } = placeholder.address() as AddressInfo;
    await new Promise<void>((resolve) => placeholder.close(() => resolve()));
    const payer = payerAt(`http://127.0.0.1:${port}`);
    const error = await failureOf(http.fetch(payer, { method: 'GET', url: payer.fhirEndpoint }));
    expect(error).toMatchObject({ code: 'peer-unreachable', detail: `127.0.0.1:${port}: ECONNREFUSED` });
  });

  it('is unreachable when no headers come in time', async () => {
    const quick = createPeerHttp({ headersTimeoutMs: 50 });
    const server = await serve(() => undefined);
    const error = await failureOf(quick.fetch(payerAt(server.url), { method: 'GET', url: server.url }));
    expect(error).toMatchObject({ code: 'peer-unreachable' });
    await quick.close();
  });

  it("is left with the signal's own reason", async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled by the member');
    const server = await serve(() => controller.abort(reason));
    const request = { method: 'GET', url: server.url, signal: controller.signal } as const;
    expect(await failureOf(http.fetch(payerAt(server.url), request))).toBe(reason);
  });
});
