import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { get, observation, post } from './payer-session.ts';
import type { Session } from './payer-session.ts';
import {
  DOCUMENT,
  HELD_BACK,
  issueOf,
  openRichSession,
  outline,
  PRACTITIONER,
  RICH_MEMBER,
  walk,
} from './retrieval-session.ts';

let session: Session;
beforeEach(async () => {
  session = await openRichSession({ search: { enabled: true }, batch: { enabled: true } });
});
afterEach(() => session.responder.close());

const ask = (path: string, headers?: Record<string, string>): Promise<Response> =>
  get(session, `${session.responder.baseUrl}/${path}`, headers);

describe('responder search by type', () => {
  it('is no interaction until it is switched on', async () => {
    session.responder.set({ search: { enabled: false } });
    expect(await issueOf(await ask('Observation?patient=p1'))).toMatchObject({ status: 404, code: 'not-supported' });
  });

  it.each(['patient=p1', 'patient=Patient/p1', 'subject=Patient/p1', 'patient=BASE/Patient/p1'])(
    'finds the records of a patient by %s, with every digit',
    async (query) => {
      const { texts, bundles } = await walk(session, `Observation?${query.replace('BASE', session.responder.baseUrl)}`);
      expect(bundles[0]).toMatchObject({ type: 'searchset', total: 6 });
      expect(texts[0]).toContain(`"resource":${observation(5)},"search":{"mode":"match"}`);
    },
  );

  it('finds nothing of a patient that was not matched', async () => {
    expect((await walk(session, 'Observation?patient=p2')).bundles[0]).toMatchObject({ total: 0 });
  });

  it('finds the Patient by id', async () => {
    expect(outline(await walk(session, 'Patient?_id=p1'))).toEqual([['match Patient p1']]);
  });

  it('searches a Coverage by its beneficiary alone', async () => {
    expect(outline(await walk(session, 'Coverage?beneficiary=Patient/p1'))).toEqual([['match Coverage c1']]);
    expect(await issueOf(await ask('Coverage?patient=p1'))).toMatchObject({ status: 400, code: 'not-supported' });
  });

  it('lets a type have other parameters, or no search', async () => {
    session.responder.set({ search: { patientParameters: { Coverage: ['patient'] }, types: ['Coverage'] } });
    expect((await ask('Coverage?patient=p1')).status).toBe(200);
    expect((await ask('Observation?patient=p1')).status).toBe(404);
  });

  it.each(['Practitioner?patient=p1', 'Provenance?patient=p1', 'Observation?patient=p1&code=1-8'])(
    'refuses %s by the name of the parameter',
    async (path) => {
      const diagnostics = expect.stringContaining(path.includes('code') ? 'code' : 'patient');
      expect(await issueOf(await ask(path))).toEqual({ status: 400, code: 'not-supported', diagnostics });
    },
  );

  it('needs a patient or ids', async () => {
    expect(await issueOf(await ask('Observation'))).toMatchObject({ status: 400, code: 'required' });
  });

  it('finds shared and undelivered resources by a list of ids', async () => {
    const { texts } = await walk(session, 'Practitioner?_id=d1,d2,d3');
    expect(texts[0]).toContain(`"resource":${PRACTITIONER}`);
    expect(texts[0]).toContain(`"resource":${HELD_BACK}`);
  });

  it('narrows by _lastUpdated', async () => {
    const path = 'Observation?patient=p1&_lastUpdated=ge2023-01-01T00:00:00Z&_lastUpdated=lt2025-01-01T00:00:00Z';
    expect(outline(await walk(session, path))).toEqual([['match Observation o3', 'match Observation o4']]);
  });

  it('is paged, also when it was posted', async () => {
    expect((await walk(session, 'Observation?patient=p1&_count=4')).bundles.map(({ entry }) => entry?.length)).toEqual([
      4, 2,
    ]);
    session.responder.set({ search: { pageSize: 5 } });
    const answer = await fetch(`${session.responder.baseUrl}/Observation/_search`, {
      method: 'POST',
      headers: { authorization: session.authorization },
      body: new URLSearchParams({ patient: 'p1' }),
    });
    const bundle = (await answer.json()) as { total: number; entry: unknown[] };
    expect([bundle.total, bundle.entry.length]).toEqual([6, 5]);
  });

  it('has its own links, expiry and failures', async () => {
    session.responder.set({ search: { pageSize: 4, links: 'relative', expireLinkAfterPages: 1 } });
    const firstPage = async (): Promise<string> => {
      const { link } = (await (await ask('Observation?patient=p1')).json()) as { link: { url: string }[] };
      return `${session.responder.origin}${link[1]?.url}`;
    };
    expect((await get(session, await firstPage())).status).toBe(410);
    session.responder.set({ search: { failures: [{ times: 1, status: 503 }], failuresFromPage: 2 } });
    const next = await firstPage();
    expect([(await get(session, next)).status, (await get(session, next)).status]).toEqual([503, 200]);
  });

  it('still finds a Patient by its UMB', async () => {
    const umb = encodeURIComponent('http://responder.example/umb|UMB-M-1');
    expect(await (await ask(`Patient?identifier=${umb}`)).json()).toMatchObject({ total: 1 });
  });
});

it('reads an identifier whose bars and commas are escaped', async () => {
  session.responder.setMember({ ...RICH_MEMBER, umb: { system: 'urn:x|y', value: 'A,1' } });
  const asked = (text: string): Promise<Response> => ask(`Patient?identifier=${encodeURIComponent(text)}`);
  expect(await (await asked('urn:x\\|y|A\\,1')).json()).toMatchObject({ total: 1 });
  expect(await (await asked('A\\,1')).json()).toMatchObject({ total: 1 });
  expect(await (await asked('urn:x|A\\,1')).json()).toMatchObject({ total: 0 });
});

describe('responder reads', () => {
  it('gives an undelivered resource as it was given, and none of an unread type', async () => {
    expect(await (await ask('Practitioner/d2')).text()).toBe(HELD_BACK);
    session.responder.set({ reads: { types: ['Organization'] } });
    expect(await issueOf(await ask('Practitioner/d2'))).toMatchObject({ status: 404, code: 'not-supported' });
  });

  it('gives a Binary as a resource to who accepts FHIR, as its content to others', async () => {
    const resource = await ask('Binary/b1', { accept: 'application/fhir+json' });
    expect(await resource.json()).toMatchObject({ resourceType: 'Binary', id: 'b1' });
    const raw = await ask('Binary/b1', { accept: '*/*' });
    expect([raw.headers.get('content-type'), Buffer.from(await raw.arrayBuffer())]).toEqual(['text/plain', DOCUMENT]);
  });

  it('gives an attachment for the token only', async () => {
    const url = `${session.responder.origin}/attachments/letter%201.txt`;
    expect(Buffer.from(await (await get(session, url)).arrayBuffer())).toEqual(DOCUMENT);
    expect((await fetch(url)).status).toBe(401);
    expect((await get(session, `${url}x`)).status).toBe(404);
  });
});

describe('responder batch', () => {
  const batch = (...urls: string[]): unknown => ({
    resourceType: 'Bundle',
    type: 'batch',
    entry: urls.map((url) => ({ request: { method: 'GET', url } })),
  });

  it('answers each read with a status of its own', async () => {
    const answer = await post(session, '', batch('Practitioner/d2', 'Practitioner/none', 'Observation?patient=p1'));
    const text = await answer.text();
    expect(text).toContain(`{"resource":${HELD_BACK},"response":{"status":"200 OK"}}`);
    expect(JSON.parse(text)).toMatchObject({
      type: 'batch-response',
      entry: [
        {},
        { response: { status: '404 Not Found', outcome: { issue: [{ code: 'not-found' }] } } },
        { response: { status: '400 Bad Request' } },
      ],
    });
  });

  it('takes only so many entries, and fails as set', async () => {
    session.responder.set({ batch: { maxEntries: 1, failures: [{ times: 1, status: 429 }] } });
    expect((await post(session, '', batch('Practitioner/d1'))).status).toBe(429);
    expect((await post(session, '', batch('Practitioner/d1', 'Practitioner/d2'))).status).toBe(413);
    expect((await post(session, '', batch('Practitioner/d1'))).status).toBe(200);
  });

  it('is not there until it is switched on', async () => {
    session.responder.set({ batch: { enabled: false } });
    expect((await post(session, '', batch('Practitioner/d1'))).status).toBe(404);
  });
});
