import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { get, observation } from './payer-session.ts';
import type { Session } from './payer-session.ts';
import { COVERAGE, issueOf, openRichSession, outline, PRACTITIONER, RICH_MEMBER, walk } from './retrieval-session.ts';

const EVERYTHING = 'Patient/p1/$everything';

let session: Session;
beforeEach(async () => {
  session = await openRichSession({ everything: { enabled: true } });
});
afterEach(() => session.responder.close());

const ask = (path: string): Promise<Response> => get(session, `${session.responder.baseUrl}/${path}`);

describe('responder $everything', () => {
  it('is no operation until it is switched on', async () => {
    session.responder.set({ everything: { enabled: false } });
    expect(await issueOf(await ask(EVERYTHING))).toMatchObject({ status: 404, code: 'not-supported' });
  });

  it('gives the Patient first and what is shared last, without a total', async () => {
    const walked = await walk(session, EVERYTHING);
    const observations = Array.from({ length: 6 }, (_, n) => `match Observation o${n}`);
    expect(outline(walked)).toEqual([
      ['match Patient p1', ...observations, 'match Coverage c1', 'include Practitioner d1'],
    ]);
    expect(walked.bundles[0]).toMatchObject({ type: 'searchset' });
    expect(walked.bundles[0]?.total).toBeUndefined();
    expect(walked.bundles[0]?.entry?.[0]?.fullUrl).toBe(`${session.responder.baseUrl}/Patient/p1`);
  });

  it('leaves every resource as its line was given', async () => {
    const { texts } = await walk(session, EVERYTHING);
    for (const line of Object.values(RICH_MEMBER.lines).flat()) expect(texts[0]).toContain(`"resource":${line},`);
  });

  it.each(['absolute', 'relative', 'other-origin'] as const)('is paged by opaque %s links', async (links) => {
    session.responder.set({ everything: { pageSize: 4, links } });
    const walked = await walk(session, `${EVERYTHING}?_count=100`);
    expect(walked.bundles.map(({ entry }) => entry?.length)).toEqual([4, 4, 1]);
    const next = walked.bundles[0]?.link[1]?.url ?? '';
    const { origin, otherOrigin } = session.responder;
    const start = { absolute: origin, relative: '/r4/', 'other-origin': otherOrigin }[links];
    expect([next.startsWith(start), /everything|p1/.test(next)]).toEqual([true, false]);
  });

  it('lets _count make pages smaller', async () => {
    const { bundles } = await walk(session, `${EVERYTHING}?_count=3`);
    expect(bundles.map(({ entry }) => entry?.length)).toEqual([3, 3, 3]);
  });

  it('filters by _type and _since', async () => {
    const walked = await walk(session, `${EVERYTHING}?_type=Observation,Coverage&_since=2024-01-01T00:00:00Z`);
    // Coverage c1 has no meta.lastUpdated.
    expect(outline(walked)).toEqual([['match Observation o4', 'match Observation o5', 'match Coverage c1']]);
  });

  it('refuses a parameter it does not support, by name', async () => {
    session.responder.set({ everything: { supportedParameters: ['_count'] } });
    expect(await issueOf(await ask(`${EVERYTHING}?_since=2024-01-01T00:00:00Z`))).toEqual({
      status: 400,
      code: 'not-supported',
      diagnostics: '_since is not supported',
    });
  });

  it('repeats what is shared on every page', async () => {
    session.responder.set({ everything: { repeatShared: true, pageSize: 4 } });
    const pages = outline(await walk(session, EVERYTHING));
    expect(pages.map((page) => page.filter((each) => each === 'include Practitioner d1').length)).toEqual([1, 1]);
    expect(pages.map((page) => page.length)).toEqual([5, 5]);
  });

  it('ends in an OperationOutcome', async () => {
    session.responder.set({ everything: { outcomeEntry: true, pageSize: 4 } });
    const walked = await walk(session, EVERYTHING);
    expect(outline(walked).map((page) => page.at(-1))).toEqual([
      'match Observation o2',
      'match Coverage c1',
      'outcome OperationOutcome',
    ]);
  });

  it('lays the Bundle out over lines and keeps digits and strings', async () => {
    session.responder.set({ everything: { pretty: true } });
    const { texts, bundles } = await walk(session, EVERYTHING);
    expect(texts[0]).toContain('\n        "valueQuantity": {\n          "value": 1.50\n        }');
    const resources = bundles[0]?.entry?.map(({ resource }) => resource);
    expect(resources).toContainEqual(JSON.parse(observation(0)));
    expect(resources).toContainEqual(JSON.parse(COVERAGE));
    expect(resources).toContainEqual(JSON.parse(PRACTITIONER));
  });

  it('takes one next link back, once', async () => {
    session.responder.set({ everything: { pageSize: 4, expireLinkAfterPages: 1 } });
    const first = (await (await ask(EVERYTHING)).json()) as { link: { url: string }[] };
    const next = first.link[1]?.url ?? '';
    expect(await issueOf(await get(session, next))).toMatchObject({ status: 410, code: 'expired' });
    expect((await get(session, next)).status).toBe(410);
    expect((await walk(session, EVERYTHING)).bundles).toHaveLength(3);
  });

  it('fails at the first page, or only at a later one', async () => {
    session.responder.set({ everything: { pageSize: 4, failures: [{ times: 1, status: 503 }] } });
    expect((await ask(EVERYTHING)).status).toBe(503);
    session.responder.set({ everything: { failures: [{ times: 1, status: 503 }], failuresFromPage: 2 } });
    const first = (await (await ask(EVERYTHING)).json()) as { link: { url: string }[] };
    const next = first.link[1]?.url ?? '';
    expect([(await get(session, next)).status, (await get(session, next)).status]).toEqual([503, 200]);
  });

  it('knows only matched patients, and keeps pages to the client that asked', async () => {
    session.responder.set({ everything: { pageSize: 4 } });
    const first = (await (await ask(EVERYTHING)).json()) as { link: { url: string }[] };
    expect((await fetch(first.link[1]?.url ?? '')).status).toBe(401);
    expect(await issueOf(await ask('Patient/p9/$everything'))).toMatchObject({ status: 404, code: 'not-found' });
    session.responder.set({ kickOff: { requireMatch: true } });
    expect(await issueOf(await ask(EVERYTHING))).toMatchObject({ status: 403, code: 'forbidden' });
  });
});
