import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  exportAll,
  exportParameters,
  get,
  matchParameters,
  MEMBER,
  observation,
  openSession,
  post,
} from './payer-session.ts';
import type { Manifest, Session } from './payer-session.ts';

let session: Session;
beforeEach(async () => {
  session = await openSession('ES384', { manifest: { linesPerFile: 10 } });
});
afterEach(() => session.responder.close());

async function startJob(): Promise<string> {
  await post(session, 'Patient/$member-match', matchParameters());
  const since = { name: '_since', valueInstant: '2025-01-01T00:00:00Z' };
  const answer = await post(session, 'Patient/$export', exportParameters(since), { prefer: 'respond-async' });
  return answer.headers.get('content-location') ?? '';
}

function observations(manifest: Manifest): string {
  return manifest.output.find((each) => each.type === 'Observation')?.url ?? '';
}

/** The bytes as sent: fetch would decode them, and hide that a gzip is truncated. */
async function rawBody(url: string): Promise<Buffer> {
  const headers = { authorization: session.authorization, 'accept-encoding': 'gzip' };
  const [response] = (await once(request(url, { headers }).end(), 'response')) as [IncomingMessage];
  return buffer(response);
}

const PLAIN = { 'accept-encoding': 'identity' };

describe('responder status', () => {
  it('answers transient errors, then progress, then only what changed since', async () => {
    const failures = [{ times: 1, status: 503, code: 'transient' }];
    session.responder.set({ status: { failures, retryAfter: { form: 'date', seconds: 2 }, pollsBeforeDone: 1 } });
    const url = await startJob();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/jobs\/status\?job=/);
    expect((await get(session, url)).status).toBe(503);
    const running = await get(session, url);
    expect([running.status, running.headers.get('x-progress')]).toEqual([202, 'in progress']);
    expect(running.headers.get('retry-after')).toMatch(/ GMT$/);
    const done = await get(session, url);
    expect(done.headers.get('expires')).toMatch(/ GMT$/);
    // Observations 5, 11, 17 and 23 are of 2025.
    expect(((await done.json()) as Manifest).output.find((each) => each.type === 'Observation')?.count).toBe(4);
  });

  it('is gone after DELETE', async () => {
    const url = await startJob();
    const headers = { authorization: session.authorization };
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(202);
    expect((await get(session, url)).status).toBe(404);
  });

  it('reports a failed job', async () => {
    const issue = { severity: 'fatal', code: 'processing', diagnostics: 'disk' } as const;
    session.responder.set({ status: { pollsBeforeDone: 0, jobFails: { status: 500, issue } } });
    const answer = await get(session, await startJob());
    expect([answer.status, await answer.json()]).toEqual([500, { resourceType: 'OperationOutcome', issue: [issue] }]);
  });
});

describe('responder files', () => {
  it('delivers every line over several files', async () => {
    const manifest = await exportAll(session);
    const files = manifest.output.filter((each) => each.type === 'Observation');
    expect(files.map((each) => each.count)).toEqual([10, 10, 5]);
    const texts = await Promise.all(files.map(async ({ url }) => (await get(session, url)).text()));
    expect(texts.join('')).toBe(`${MEMBER.lines.Observation.join('\n')}\n`);
  });

  it('labels gzip and keeps it off for who does not accept it', async () => {
    const url = observations(await exportAll(session));
    expect((await get(session, url)).headers.get('content-encoding')).toBe('gzip');
    expect((await get(session, url, PLAIN)).headers.get('content-encoding')).toBeNull();
  });

  it('needs the bearer', async () => {
    expect((await fetch(observations(await exportAll(session)))).status).toBe(401);
  });

  it('refuses the bearer on pre-signed links of the other origin', async () => {
    session.responder.set({ manifest: { requiresAccessToken: false }, files: { origin: 'other' } });
    const url = observations(await exportAll(session));
    expect(new URL(url).origin).toBe(session.responder.otherOrigin);
    expect((await get(session, url)).status).toBe(400);
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace(/signature=./, 'signature=x'))).status).toBe(403);
  });

  it('redirects to a pre-signed link', async () => {
    session.responder.set({ files: { redirect: true } });
    const answer = await get(session, observations(await exportAll(session)));
    const location = answer.headers.get('location') ?? '';
    expect([answer.status, new URL(location).origin]).toEqual([302, session.responder.otherOrigin]);
    expect((await fetch(location)).status).toBe(200);
  });

  it('renews expired links in a later manifest', async () => {
    session.responder.set({ files: { links: 'first-manifest-expired' } });
    const url = await startJob();
    const manifests: Manifest[] = [];
    while (manifests.length < 2) {
      const answer = await get(session, url);
      if (answer.status === 200) manifests.push((await answer.json()) as Manifest);
    }
    const statuses = await Promise.all(manifests.map(async (each) => (await get(session, observations(each))).status));
    expect(statuses).toEqual([403, 200]);
  });

  it('cuts the connection the first time, and lets the rest be asked for', async () => {
    session.responder.set({ files: { faults: { cut: { afterBytes: 100, times: 1 } } } });
    const url = observations(await exportAll(session));
    const cut = await get(session, url, PLAIN);
    const etag = cut.headers.get('etag') ?? '';
    await expect(cut.text()).rejects.toThrow();
    const rest = await get(session, url, { range: 'bytes=100-', 'if-range': etag });
    const whole = Buffer.from(MEMBER.lines.Observation.slice(0, 10).join('\n') + '\n');
    expect([rest.status, rest.headers.get('content-range')]).toEqual([
      206,
      `bytes 100-${whole.length - 1}/${whole.length}`,
    ]);
    expect(await rest.text()).toBe(whole.subarray(100).toString());
  });

  it('sends the whole file when If-Range does not match, or is weak', async () => {
    const url = observations(await exportAll(session));
    expect((await get(session, url, { range: 'bytes=1-', 'if-range': '"other"' })).status).toBe(200);
    session.responder.set({ files: { etag: 'weak' } });
    const etag = (await get(session, url, PLAIN)).headers.get('etag') ?? '';
    expect((await get(session, url, { range: 'bytes=1-', 'if-range': etag })).status).toBe(200);
    expect((await get(session, url, { range: 'bytes=9999999-' })).status).toBe(416);
  });

  it('breaks once with a body shorter than its length', async () => {
    session.responder.set({ files: { faults: { shortBody: { missingBytes: 5, times: 1, honestLength: false } } } });
    const url = observations(await exportAll(session));
    await expect(get(session, url).then((answer) => answer.text())).rejects.toThrow();
    expect((await get(session, url)).status).toBe(200);
  });

  it('truncates a gzip once', async () => {
    session.responder.set({ files: { faults: { truncatedGzip: { times: 1 } } } });
    const url = observations(await exportAll(session));
    const broken = await rawBody(url);
    expect(() => gunzipSync(broken)).toThrow('unexpected end of file');
    expect(gunzipSync(await rawBody(url)).toString()).toBe(`${MEMBER.lines.Observation.slice(0, 10).join('\n')}\n`);
  });

  it('makes references absolute and leaves text and decimals alone', async () => {
    session.responder.set({ files: { absoluteReferences: true } });
    const [line] = (await (await get(session, observations(await exportAll(session)))).text()).split('\n');
    const subject = `"subject":{"reference":"${session.responder.baseUrl}/Patient/p1"}`;
    expect(line).toBe(observation(0).replace('"subject":{"reference":"Patient/p1"}', subject));
  });

  it('writes BOM, CRLF, extra lines and no last newline', async () => {
    session.responder.set({
      files: { bom: true, crlf: true, finalNewline: false, extraLines: { Patient: ['{"broken'] } },
    });
    const manifest = await exportAll(session);
    const url = manifest.output.find((each) => each.type === 'Patient')?.url ?? '';
    const bytes = Buffer.from(await (await get(session, url)).arrayBuffer());
    expect(bytes.toString()).toBe(`\uFEFF${MEMBER.lines.Patient[0]}\r\n{"broken`);
  });

  it('drips slowly enough to be interrupted', async () => {
    session.responder.set({ files: { faults: { drip: { bytesPerSecond: 2000, times: 1 } } } });
    const url = observations(await exportAll(session));
    const started = Date.now();
    const text = await (await get(session, url, PLAIN)).text();
    expect(Date.now() - started).toBeGreaterThan((text.length / 2000) * 900);
  });
});
