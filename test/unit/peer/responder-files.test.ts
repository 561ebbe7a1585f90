import { describe, expect, it } from '@jest/globals';
import { decodeStream } from '../../../peer/decode-stream.ts';
import { bytesOf, content, exported, patientLine, responderBench, urlOf } from './responder-bench.ts';
import { failureOf } from './tiny-server.ts';

const bench = responderBench();

describe('a file of an independent server', () => {
  it('comes packed and unpacks to what the payer holds', async () => {
    const peer = bench.client();
    const file = await peer.download(urlOf(await exported(peer), 'Coverage'), { withToken: true });
    expect(file).toMatchObject({ status: 'full', contentEncoding: 'gzip' });
    expect((await bytesOf(decodeStream(file.body, file.contentEncoding))).toString()).toBe(content);
  });

  it('goes on behind what arrived before the cut', async () => {
    bench.responder().set({ files: { gzip: false, faults: { cut: { afterBytes: 50_000, times: 1 } } } });
    const peer = bench.client();
    const url = urlOf(await exported(peer), 'Coverage');
    const first = await peer.download(url, { withToken: true });
    const got: Uint8Array[] = [];
    const error = await failureOf(
      (async () => {
        for await (const chunk of first.body) got.push(chunk);
      })(),
    );
    expect(error).toMatchObject({ code: 'file-damaged' });
    const offset = Buffer.concat(got).length;
    expect(offset).toBeGreaterThan(0);
    const rest = await peer.download(url, { withToken: true, offset, etag: first.etag });
    expect(rest.status).toBe('partial');
    expect(Buffer.concat([...got, await bytesOf(rest.body)]).toString()).toBe(content);
  });

  it.each([
    ['changes', { etag: 'changing' }],
    ['has a weak validator', { etag: 'weak' }],
    ['has no ranges', { range: false }],
  ] as const)('begins anew when it %s', async (_why, files) => {
    bench.responder().set({ files: { gzip: false, ...files } });
    const peer = bench.client();
    const url = urlOf(await exported(peer), 'Coverage');
    const { etag, body } = await peer.download(url, { withToken: true });
    await bytesOf(body);
    const again = await peer.download(url, { withToken: true, offset: 1000, etag });
    expect(again.status).toBe('full');
    expect((await bytesOf(again.body)).toString()).toBe(content);
  });

  it('that ends inside gzip is damaged, although its Content-Length is honest', async () => {
    bench.responder().set({ files: { faults: { truncatedGzip: { times: 1 } } } });
    const peer = bench.client();
    const file = await peer.download(urlOf(await exported(peer), 'Coverage'), { withToken: true });
    const error = await failureOf(bytesOf(decodeStream(file.body, file.contentEncoding)));
    expect(error).toMatchObject({ code: 'file-damaged' });
  });

  it.each([true, false])('shorter than announced is damaged (Content-Length %s)', async (contentLength) => {
    const shortBody = { missingBytes: 10, times: 1, honestLength: false };
    bench.responder().set({ files: { gzip: false, contentLength, faults: { shortBody } } });
    const peer = bench.client();
    const file = await peer.download(urlOf(await exported(peer), 'Coverage'), { withToken: true });
    expect(await failureOf(bytesOf(file.body))).toMatchObject({ code: 'file-damaged' });
  });

  it('that is pre-signed gets no bearer, at the same origin and at another', async () => {
    for (const origin of ['same', 'other'] as const) {
      bench.responder().set({ manifest: { requiresAccessToken: false }, files: { origin } });
      const peer = bench.client({ allowedHosts: [new URL(bench.responder().otherOrigin).host] });
      const file = await peer.download(urlOf(await exported(peer), 'Patient'), { withToken: false });
      expect((await bytesOf(decodeStream(file.body, file.contentEncoding))).toString()).toBe(`${patientLine}\n`);
    }
    expect(bench.requestsTo('/files/').map(({ headers }) => headers['authorization'])).toEqual([undefined, undefined]);
  });

  it('redirected to a pre-signed link takes no bearer along', async () => {
    bench.responder().set({ files: { redirect: true } });
    const peer = bench.client({ allowedHosts: [new URL(bench.responder().otherOrigin).host] });
    const file = await peer.download(urlOf(await exported(peer), 'Patient'), { withToken: true });
    expect((await bytesOf(decodeStream(file.body, file.contentEncoding))).toString()).toBe(`${patientLine}\n`);
    const sent = bench
      .requestsTo('/files/')
      .map(({ origin, headers }) => [origin, headers['authorization'] !== undefined]);
    expect(sent).toEqual([
      ['main', true],
      ['other', false],
    ]);
  });

  it('on a host that is not allowed is not asked for', async () => {
    bench.responder().set({ files: { origin: 'other' } });
    const peer = bench.client();
    const url = urlOf(await exported(peer), 'Patient');
    expect(await failureOf(peer.download(url, { withToken: true }))).toMatchObject({ code: 'host-not-allowed' });
    expect(bench.responder().requests.filter(({ origin }) => origin === 'other')).toHaveLength(0);
  });

  it('whose link has expired says that a fresh one is needed', async () => {
    bench.responder().set({ files: { links: 'first-manifest-expired' } });
    const peer = bench.client();
    const url = urlOf(await exported(peer), 'Patient');
    expect(await failureOf(peer.download(url, { withToken: true }))).toMatchObject({ code: 'export-expired' });
  });

  it('outlives its token', async () => {
    const peer = bench.client();
    const url = urlOf(await exported(peer), 'Patient');
    bench.responder().revokeTokens();
    expect(await peer.download(url, { withToken: true })).toMatchObject({ status: 'full' });
  });
});
