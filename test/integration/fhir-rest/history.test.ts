import { beforeAll, describe, expect, it } from '@jest/globals';
import { ISSUER, MATCHED, useRestApi } from '../../support/rest-api.ts';
import type { RestAnswer } from '../../support/rest-api.ts';

const VERSIONS = 7;

describe('the history of a resource', () => {
  const { ask, put } = useRestApi();
  const names = ({ text }: RestAnswer): readonly string[] =>
    [...text.matchAll(/"name":"(\w+)"/g)].map(([, name = '']) => name);
  const linked = ({ json }: RestAnswer, relation: string) =>
    json.link?.find((each) => each.relation === relation)?.url.slice(`${ISSUER}/fhir`.length);

  beforeAll(async () => {
    for (let version = 1; version <= VERSIONS; version += 1) await put('Organization', 'h', `,"name":"v${version}"`);
  });

  it('gives each version once on its pages although others write meanwhile', async () => {
    const found: string[] = [];
    let path: string | undefined = '/Organization/h/_history?_count=3';
    for (let pages = 1; path !== undefined; pages += 1) {
      const page: RestAnswer = await ask(path);
      found.push(...names(page));
      path = linked(page, 'next');
      await put('Organization', 'h', `,"name":"later${pages}"`);
    }
    expect(found).toEqual(['v7', 'v6', 'v5', 'v4', 'v3', 'v2', 'v1']);
  });

  it('tells on its last page which version was created', async () => {
    const { json } = await ask('/Organization/h/_history');
    expect(json.entry?.map(({ request }) => request?.method).filter((method) => method === 'POST')).toHaveLength(1);
    expect(json.entry?.at(-1)?.request?.method).toBe('POST');
  });

  it('begins at _since', async () => {
    const versions = await ask('/Organization/h/_history');
    const [, , third] = [...versions.text.matchAll(/"lastModified":"([^"]+)"/g)].map(([, instant = '']) => instant);
    const since = await ask(`/Organization/h/_history?_since=${third}`);
    expect(since.json.total).toBe(3);
    expect(linked(since, 'self')).toBe(`/Organization/h/_history?_since=${encodeURIComponent(third ?? '')}`);
  });

  it('is empty, and not unknown, where nothing has changed since', async () => {
    expect(await ask('/Organization/h/_history?_since=2999-01-01T00:00:00Z')).toMatchObject({
      status: 200,
      json: { total: 0 },
    });
    expect((await ask('/Organization/none/_history?_since=2999-01-01T00:00:00Z')).status).toBe(404);
  });

  it.each(['_since=yesterday', '_count=x', '_page=x'])('is refused: %s', async (query) => {
    expect(await ask(`/Organization/h/_history?${query}`)).toMatchObject({ status: 400, code: 'request-invalid' });
  });

  it('tells what it did not apply, or refuses it when handling is strict', async () => {
    expect((await ask('/Organization/h/_history?_at=2026')).text).toContain('not applied: _at');
    const strict = await ask('/Organization/h/_history?_at=2026', { headers: { Prefer: 'handling=strict' } });
    expect([strict.status, strict.code]).toEqual([400, 'not-supported']);
  });

  describe('S18: for a partner', () => {
    beforeAll(async () => {
      const about = (id: string) => `,"subject":{"reference":"Patient/${id}"}`;
      await put('Condition', 'moved', `${about('other')},"x":"first"`);
      await put('Condition', 'moved', about(MATCHED));
      await put('Condition', 'foreign', about(MATCHED));
      await put('Condition', 'foreign', about('other'));
    });

    it('holds the versions that were about its member', async () => {
      const answer = await ask('/Condition/moved/_history', { as: 'partner' });
      expect([answer.json.total, answer.text.includes('first')]).toEqual([1, false]);
      const paged = await ask('/Condition/moved/_history?_count=1', { as: 'partner' });
      expect(linked(paged, 'next')).toBeUndefined();
    });

    it('is unknown once the resource is another member’s', async () => {
      expect((await ask('/Condition/foreign/_history', { as: 'partner' })).status).toBe(404);
    });
  });
});
