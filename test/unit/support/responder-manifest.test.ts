import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exportAll, exportParameters, get, matchParameters, MEMBER, openSession, post } from './payer-session.ts';
import type { Session } from './payer-session.ts';

const ISSUE = { severity: 'warning', code: 'incomplete', diagnostics: 'one record is missing' } as const;
const DELETED = '{"resourceType":"Bundle","type":"transaction"}';

let session: Session;
beforeEach(async () => {
  session = await openSession('ES384', {
    status: { pollsBeforeDone: 0 },
    manifest: { linesPerFile: 10, errors: [ISSUE], deletedLines: [DELETED] },
  });
});
afterEach(() => session.responder.close());

type Manifest = Record<string, unknown> & {
  output: Record<string, unknown>[];
  link?: { relation: string; url: string }[];
};

async function startJob(): Promise<string> {
  await post(session, 'Patient/$member-match', matchParameters());
  const answer = await post(session, 'Patient/$export', exportParameters(), { prefer: 'respond-async' });
  return answer.headers.get('content-location') ?? '';
}

const manifestOf = async (statusUrl: string): Promise<Manifest> =>
  (await (await get(session, statusUrl)).json()) as Manifest;

/** All pages, along the next links. */
async function pagesOf(statusUrl: string): Promise<Manifest[]> {
  const pages: Manifest[] = [];
  let url: string | undefined = statusUrl;
  while (url !== undefined) {
    const page = await manifestOf(url);
    pages.push(page);
    const next = page.link?.[0]?.url;
    url = next === undefined ? undefined : new URL(next, url).href;
  }
  return pages;
}

const NAMES = ['error', 'output', 'requiresAccessToken', 'transactionTime'];

describe('versions of the manifest', () => {
  it.each([
    ['1.0', [...NAMES, 'extension', 'request']],
    ['2.0', [...NAMES, 'deleted', 'request']],
    ['3.0', [...NAMES, 'deleted', 'extension', 'request']],
  ] as const)('has the members of %s', async (version, names) => {
    session.responder.set({ manifest: { version } });
    const manifest = await manifestOf(await startJob());
    expect(Object.keys(manifest).sort()).toEqual([...names].sort());
    expect(Array.isArray(manifest['extension'])).toBe(false);
  });

  it('has outcomes, sizes and no request in 4.0', async () => {
    session.responder.set({ manifest: { version: '4.0' } });
    const manifest = await manifestOf(await startJob());
    expect(manifest).toMatchObject({
      manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest',
      outputFormat: 'application/fhir+ndjson',
      extension: [{ valueString: 'normal' }],
      outcome: [{ count: 1 }],
      deleted: [{ count: 1 }],
    });
    expect(manifest).not.toHaveProperty('request');
    expect(manifest).not.toHaveProperty('error');
    for (const { url, fileSize } of manifest.output) {
      const file = await get(session, String(url), { 'accept-encoding': 'identity' });
      expect((await file.arrayBuffer()).byteLength).toBe(fileSize);
    }
  });
});

describe('form of the manifest', () => {
  it('comes in pages whose other members are the same', async () => {
    session.responder.set({ manifest: { pages: 2 } });
    const [first, second, ...others] = await pagesOf(await startJob());
    expect([first?.output.length, second?.output.length, others]).toEqual([2, 2, []]);
    expect(first?.link).toMatchObject([{ relation: 'next' }]);
    expect(second).not.toHaveProperty('link');
    expect({ ...second, output: [] }).toEqual({ ...first, output: [], link: undefined });
    expect((await get(session, `${first?.link?.[0]?.url}9`)).status).toBe(404);
  });

  it('has outcomes and deletions on the last page of 4.0 alone', async () => {
    session.responder.set({ manifest: { pages: 2, version: '4.0' } });
    const pages = await pagesOf(await startJob());
    expect(pages.map((page) => ['outcome' in page, 'deleted' in page])).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  it('has relative URLs', async () => {
    session.responder.set({ manifest: { pages: 3, relativeUrls: true } });
    const statusUrl = await startJob();
    const pages = await pagesOf(statusUrl);
    expect(pages).toHaveLength(2);
    expect(pages[0]?.link?.[0]?.url).toMatch(/^\/jobs\//);
    const url = String(pages[0]?.output[0]?.['url']);
    expect(url).toMatch(/^\/files\//);
    expect((await get(session, new URL(url, statusUrl).href)).status).toBe(200);
  });

  it.each([
    ['offset', /\.\d{3}\+02:00$/],
    ['fraction7', /:\d\d\.\d{7}Z$/],
  ] as const)('writes transactionTime with %s', async (transactionTime, form) => {
    const statusUrl = await startJob();
    const utc = String((await manifestOf(statusUrl))['transactionTime']);
    session.responder.set({ manifest: { transactionTime } });
    const written = String((await manifestOf(statusUrl))['transactionTime']);
    expect(written).toMatch(form);
    expect(Date.parse(written)).toBe(Date.parse(utc));
  });
});

describe('status answers of another kind', () => {
  it('says 200 while running, with the truth in a header', async () => {
    session.responder.set({ status: { separateStatus: true, pollsBeforeDone: 1 } });
    const statusUrl = await startJob();
    const running = await get(session, statusUrl);
    expect([running.status, running.headers.get('x-export-status'), await running.text()]).toEqual([200, '202', '']);
    const done = await get(session, statusUrl);
    expect([done.headers.get('x-export-status'), await done.json()]).toEqual([
      '200',
      expect.objectContaining({ requiresAccessToken: true }),
    ]);
    session.responder.set({ status: { jobFails: { status: 500, issue: { ...ISSUE, severity: 'fatal' } } } });
    const failed = await get(session, statusUrl);
    expect([failed.status, failed.headers.get('x-export-status')]).toEqual([200, '500']);
  });

  it.each([303, 307] as const)('redirects by %i to another path of the same origin', async (redirect) => {
    session.responder.set({ status: { redirect } });
    const statusUrl = await startJob();
    const answer = await get(session, statusUrl);
    const location = answer.headers.get('location') ?? '';
    expect([answer.status, new URL(location).origin]).toEqual([redirect, session.responder.origin]);
    expect(new URL(location).pathname).not.toBe(new URL(statusUrl).pathname);
    expect((await get(session, location)).status).toBe(200);
    const headers = { authorization: session.authorization };
    expect((await fetch(statusUrl, { method: 'DELETE', headers })).status).toBe(202);
    expect((await get(session, location)).status).toBe(404);
  });

  it.each([
    [{ form: 'text', text: 'soon' }, 'soon'],
    [{ form: 'seconds', seconds: -5 }, '-5'],
    [{ form: 'seconds', seconds: 1e9 }, '1000000000'],
  ] as const)('has an absurd Retry-After: %j', async (retryAfter, header) => {
    session.responder.set({ status: { retryAfter, pollsBeforeDone: 1 } });
    expect((await get(session, await startJob())).headers.get('retry-after')).toBe(header);
  });
});

describe('form of a file', () => {
  const NDJSON = `${MEMBER.lines.Patient[0]}\n`;
  const patientFile = async (headers: Record<string, string> = {}): Promise<Response> => {
    const url = (await exportAll(session)).output.find(({ type }) => type === 'Patient')?.url ?? '';
    return get(session, url, headers);
  };
  const unwrapped = async (answer: Response): Promise<string> => {
    expect(answer.headers.get('content-type')).toBe('application/fhir+json');
    const binary = (await answer.json()) as { resourceType: string; contentType: string; data: string };
    expect(binary).toMatchObject({ resourceType: 'Binary', contentType: 'application/fhir+ndjson' });
    return Buffer.from(binary.data, 'base64').toString();
  };

  it('is a Binary resource always', async () => {
    session.responder.set({ files: { wrap: 'binary' } });
    expect(await unwrapped(await patientFile({ accept: 'application/fhir+ndjson' }))).toBe(NDJSON);
  });

  it.each(['*/*', 'application/fhir+ndjson;q=0.9', 'application/json'])(
    'is a Binary for Accept: %s',
    async (accept) => {
      session.responder.set({ files: { wrap: 'binary-unless-accepted' } });
      expect(await unwrapped(await patientFile({ accept }))).toBe(NDJSON);
    },
  );

  it('is no Binary when the format is accepted', async () => {
    session.responder.set({ files: { wrap: 'binary-unless-accepted' } });
    expect(await (await patientFile({ accept: 'application/fhir+ndjson' })).text()).toBe(NDJSON);
  });

  it.each([400, 401] as const)('refuses the token by %i although the manifest asks for it', async (status) => {
    session.responder.set({ files: { rejectsToken: status } });
    const manifest = await exportAll(session);
    const url = manifest.output[0]?.url ?? '';
    expect(manifest.requiresAccessToken).toBe(true);
    expect([(await get(session, url)).status, (await fetch(url)).status]).toEqual([status, 200]);
  });
});
