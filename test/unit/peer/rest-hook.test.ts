import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRestHook } from '../../../peer/rest-hook.ts';
import { serveApp } from '../../support/serve.ts';
import type { ServedApp } from '../../support/serve.ts';

let app: ServedApp;
let asked = 0;
const { signal } = new AbortController();

beforeAll(async () => {
  app = await serveApp((req, res) => {
    asked += 1;
    res.writeHead(req.url === '/moved' ? 307 : 204, { location: '/elsewhere' }).end();
  });
});
afterAll(() => app.close());

const post = { method: 'POST' as const, headers: {}, body: undefined, signal };
const listed = () => createRestHook({ privateHosts: [new URL(app.url).host] });

describe('the way to receivers of events', () => {
  it('leads to a private address that is listed, and follows no redirect', async () => {
    const hook = listed();
    const before = asked;
    expect(await hook.send({ ...post, url: app.url })).toBe(204);
    expect(await hook.send({ ...post, url: `${app.url}/moved` })).toBe(307);
    expect(asked - before).toBe(2);
    await hook.close();
  });

  it.each([
    'https://127.0.0.1:1/x',
    'https://[::1]/x',
    'https://localhost/x',
    'https://db.internal/x',
    'http://example.org/x',
  ])('does not lead to %s', async (url) => {
    const hook = listed();
    await expect(hook.send({ ...post, url })).rejects.toMatchObject({ code: 'notification-refused' });
    await hook.close();
  });

  it('does not lead to another port of a listed host', async () => {
    const hook = listed();
    await expect(hook.send({ ...post, url: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'notification-refused',
    });
    await hook.close();
  });

  it('does not lead to a public name that resolves to a private address', async () => {
    const hook = createRestHook({
      privateHosts: [new URL(app.url).host],
      resolveName: (_name, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    const { port } = new URL(app.url);
    const url = `https://receiver.example:${port}/`;
    await expect(hook.send({ ...post, url })).rejects.toMatchObject({ code: 'notification-refused' });
    await hook.close();
  });

  it('says that nobody took an event where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const hook = createRestHook({ privateHosts: [`127.0.0.1:${port}`] });
    const sent = hook.send({ ...post, url: `http://127.0.0.1:${port}` });
    await expect(sent).rejects.toMatchObject({ code: 'notification-failed' });
    await hook.close();
  });
});
