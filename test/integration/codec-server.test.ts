import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultPayloadConverter } from '@temporalio/common';
import express from 'express';
import { createCodecRouter, tokenInPath } from '../../temporal/codec-server.ts';
import { createCodec } from '../../temporal/codec.ts';

const codec = createCodec([{ id: 'k1', key: new Uint8Array(32).fill(3) }]);
const UI = 'http://localhost:8233';

let server: Server;
let base: string;
beforeAll(async () => {
  const app = express();
  const isAuthorized = tokenInPath('right');
  app.use('/codec/:token', createCodecRouter({ codec, origins: [UI], isAuthorized }));
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/codec`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

/** As the Web UI sends it: protobuf's JSON form. */
async function body(value: unknown): Promise<string> {
  const payloads = await codec.encode([defaultPayloadConverter.toPayload(value)]);
  const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  const json = payloads.map(({ metadata, data }) => ({
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, bytes]) => [name, text(bytes)])),
    data: text(data),
  }));
  return JSON.stringify({ payloads: json });
}

async function decode(token: string, content: string, origin = UI): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'x-namespace': 'default', origin };
  return fetch(`${base}/${token}/decode`, { method: 'POST', headers, body: content });
}

describe('the codec server', () => {
  it('decrypts for the Web UI', async () => {
    const response = await decode('right', await body({ taskId: 'p2p-task-1' }));
    expect(response.status).toBe(200);
    const { payloads } = (await response.json()) as { payloads: { metadata: { encoding: string }; data: string }[] };
    const [payload] = payloads;
    expect(Buffer.from(payload?.metadata.encoding ?? '', 'base64').toString()).toBe('json/plain');
    expect(JSON.parse(Buffer.from(payload?.data ?? '', 'base64').toString())).toEqual({ taskId: 'p2p-task-1' });
  });

  it('decrypts nothing for another token', async () => {
    const response = await decode('wrong', await body('sentinel'));
    expect(response.status).toBe(401);
    expect(await response.text()).toBe('');
  });

  it('lets only the pages of the Web UI ask', async () => {
    const preflight = async (origin: string): Promise<string | null> =>
      (await fetch(`${base}/right/decode`, { method: 'OPTIONS', headers: { origin } })).headers.get(
        'access-control-allow-origin',
      );
    expect(await preflight(UI)).toBe(UI);
    expect(await preflight('https://evil.example')).toBeNull();
  });

  it('refuses what is no list of payloads', async () => {
    expect((await decode('right', '{"payloads":"all"}')).status).toBe(400);
  });

  it('says no more than that it cannot when a key is unknown', async () => {
    const other = createCodec([{ id: 'k2', key: new Uint8Array(32) }]);
    const [payload] = await other.encode([defaultPayloadConverter.toPayload('x')]);
    const metadata = { encoding: Buffer.from('binary/encrypted').toString('base64'), 'encryption-key-id': 'azI=' };
    const data = Buffer.from(payload?.data ?? []).toString('base64');
    expect((await decode('right', JSON.stringify({ payloads: [{ metadata, data }] }))).status).toBe(422);
  });
});
