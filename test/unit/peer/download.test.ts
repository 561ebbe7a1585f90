import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { decodeStream } from '../../../peer/decode-stream.ts';
import { clientBench, outcome } from './client-bench.ts';
import { failureOf, json, tinyServer } from './tiny-server.ts';
import type { Answer } from './tiny-server.ts';

const bench = clientBench();

describe('a file', () => {
  const content = Buffer.from(
    Array.from({ length: 2000 }, (_, n) => `{"resourceType":"Patient","id":"p${n}"}\n`).join(''),
  );
  const etag = '"v1"';
  const url = (): string => `${bench.url()}/files/1`;
  const bytesOf = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  /** A file server of its own, that keeps to RFC 9110. */
  const ranged: Answer = ({ headers }, response) => {
    const [, start] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
    if (start === undefined || headers['if-range'] !== etag) {
      response.writeHead(200, { etag, 'content-length': content.length }).end(content);
    } else if (Number(start) >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    } else {
      const range = `bytes ${start}-${content.length - 1}/${content.length}`;
      response.writeHead(206, { etag, 'content-range': range }).end(content.subarray(Number(start)));
    }
  };
  const cut = (response: ServerResponse, headers: Record<string, string>, part: Buffer): void => {
    response.writeHead(200, headers);
    response.write(part, () => setImmediate(() => response.destroy()));
  };

  it('goes on where it broke off', async () => {
    bench.answer = ranged;
    const rest = await bench.client().download(url(), { withToken: true, offset: 1000, etag });
    expect(rest).toMatchObject({ status: 'partial', etag });
    expect((await bytesOf(rest.body)).equals(content.subarray(1000))).toBe(true);
    expect(bench.asked()[0]?.headers).toMatchObject({
      range: 'bytes=1000-',
      'if-range': etag,
      authorization: 'Bearer token-1',
    });
  });

  it.each([
    ['it has changed since', { etag: '"v0"' }],
    ['the validator is weak', { etag: 'W/"v1"' }],
    ['there is no validator', {}],
    ['the Content-Encoding is another', { etag, contentEncoding: 'gzip' }],
    ['nothing is left', { etag, offset: content.length }],
  ])('begins anew when %s', async (_why, resume) => {
    bench.answer = ranged;
    const file = await bench.client().download(url(), { withToken: true, offset: 1000, ...resume });
    expect(file.status).toBe('full');
    expect((await bytesOf(file.body)).equals(content)).toBe(true);
  });

  it('begins anew when a server sends another part than asked for', async () => {
    bench.answer = ({ headers }, response) =>
      headers.range === undefined
        ? ranged({ method: 'GET', path: '', headers, body: '' }, response)
        : response
            .writeHead(206, { etag, 'content-range': `bytes 0-9/${content.length}` })
            .end(content.subarray(0, 10));
    const file = await bench.client().download(url(), { withToken: true, offset: 1000, etag });
    expect(file.status).toBe('full');
    expect((await bytesOf(file.body)).equals(content)).toBe(true);
  });

  it('begins anew when the part is one of another version', async () => {
    bench.answer = ({ headers }, response) =>
      headers.range === undefined
        ? ranged({ method: 'GET', path: '', headers, body: '' }, response)
        : response.writeHead(206, { etag: '"v2"', 'content-range': `bytes 1000-1009/1010` }).end('0123456789');
    const file = await bench.client().download(url(), { withToken: true, offset: 1000, etag });
    expect(file.status).toBe('full');
    await file.discard();
  });

  it('is asked for whole where only a weak validator is known', async () => {
    bench.answer = ranged;
    await (await bench.client().download(url(), { withToken: true, offset: 1000, etag: 'W/"v1"' })).discard();
    expect(bench.asked()[0]?.headers.range).toBeUndefined();
  });

  it('comes as it was transferred, and is unpacked apart', async () => {
    const zipped = gzipSync(content);
    bench.answer = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped);
    const file = await bench.client().download(url(), { withToken: true });
    expect(file).toMatchObject({ contentEncoding: 'gzip', contentLength: zipped.length });
    const raw = await bytesOf(file.body);
    expect(createHash('sha256').update(raw).digest('hex')).toBe(createHash('sha256').update(zipped).digest('hex'));
    const [half, rest] = [raw.subarray(0, 100), raw.subarray(100)];
    const plain = await bytesOf(
      decodeStream(
        (async function* () {
          yield half;
          yield rest;
        })(),
        file.contentEncoding,
      ),
    );
    expect(plain.equals(content)).toBe(true);
    expect(bench.asked()[0]?.headers['accept-encoding']).toBe('gzip');
  });

  it.each([
    ['cut', (zipped: Buffer) => zipped.subarray(0, zipped.length - 20)],
    ['empty', () => Buffer.alloc(0)],
    ['with a wrong checksum', (zipped: Buffer) => Buffer.concat([zipped.subarray(0, -8), Buffer.alloc(8)])],
  ])('%s inside gzip is damaged, even if the transfer was whole', async (_how, damage) => {
    const zipped = damage(gzipSync(content));
    bench.answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped);
    const file = await bench.client().download(url(), { withToken: true });
    const error = await failureOf(bytesOf(decodeStream(file.body, file.contentEncoding)));
    expect(error).toMatchObject({ code: 'file-damaged' });
  });

  it.each([
    ['shorter than its Content-Length', { 'content-length': String(content.length) }],
    ['without its last chunk', {}],
  ])('%s is damaged', async (_how, headers: Record<string, string>) => {
    bench.answer = (_request, response) => cut(response, headers, content.subarray(0, 5000));
    const file = await bench.client().download(url(), { withToken: true });
    expect(await failureOf(bytesOf(file.body))).toMatchObject({ code: 'file-damaged' });
  });

  it('that stalls has failed', async () => {
    bench.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': String(content.length) });
      response.write(content.subarray(0, 100));
    };
    const file = await bench.client().download(url(), { withToken: true });
    expect(await failureOf(bytesOf(file.body))).toMatchObject({ code: 'download-failed' });
  });

  it("that is aborted ends with the signal's own reason", async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    bench.answer = (_request, response) => {
      response.writeHead(200);
      response.write(content.subarray(0, 100));
    };
    const file = await bench.client({}, controller.signal).download(url(), { withToken: true });
    const reading = failureOf(bytesOf(file.body));
    controller.abort(reason);
    expect(await reading).toBe(reason);
  });

  it('that needs no token gets none', async () => {
    bench.answer = ranged;
    await (await bench.client().download(url(), { withToken: false })).discard();
    expect(bench.seen().map(({ path, headers }) => [path, headers.authorization])).toEqual([['/files/1', undefined]]);
  });

  it('on another host is asked for only where that is allowed', async () => {
    const store = await tinyServer(ranged);
    const file = { withToken: true };
    expect(await failureOf(bench.client().download(`${store.url}/f`, file))).toMatchObject({
      code: 'host-not-allowed',
    });
    expect(store.seen).toHaveLength(0);
    await (await bench.client({ allowedHosts: [store.place] }).download(`${store.url}/f`, file)).discard();
    expect(store.seen[0]?.headers.authorization).toMatch(/^Bearer token-/);
    await store.close();
  });

  it.each([
    [404, true, 'export-expired'],
    [410, true, 'export-expired'],
    [403, false, 'export-expired'],
    [403, true, 'export-expired'],
    [429, true, 'peer-busy'],
    [503, true, 'peer-unreachable'],
    [204, true, 'peer-invalid'],
  ])('HTTP %i (token %s) is %s', async (status, withToken, code) => {
    bench.answer = (_request, response) => response.writeHead(status).end();
    expect(await failureOf(bench.client().download(url(), { withToken }))).toMatchObject({ code });
  });

  it('that FHIR forbids is refused, and no expired link', async () => {
    bench.answer = (_request, response) => json(response, 403, outcome('forbidden'));
    expect(await failureOf(bench.client().download(url(), { withToken: true }))).toMatchObject({
      code: 'peer-refused',
    });
  });
});
