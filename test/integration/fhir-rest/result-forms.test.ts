import { beforeAll, describe, expect, it } from '@jest/globals';
import { ISSUER, MATCHED, matches, useRestApi } from '../../support/rest-api.ts';
import type { RestAnswer } from '../../support/rest-api.ts';

const DATES = ['2026-03-01', '2024-01-01', '2025-06-01', undefined, '2025-01-01'];

describe('the form of a search', () => {
  const { ask, put } = useRestApi();
  const observation = (id: string, more = '') =>
    put('Observation', id, `,"subject":{"reference":"Patient/${MATCHED}"}${more}`);

  beforeAll(async () => {
    await put('Patient', MATCHED);
    for (const [index, date] of DATES.entries()) {
      await observation(
        `o${index}`,
        `${date === undefined ? '' : `,"effectiveDateTime":"${date}"`},"status":"final","valueQuantity":{"value":1.50}`,
      );
    }
    await put('Observation', 'hidden', ',"subject":{"reference":"Patient/other"}');
  });

  const link = ({ json }: RestAnswer, relation: string): string | undefined =>
    json.link?.find((each) => each.relation === relation)?.url.slice(`${ISSUER}/fhir`.length);
  const pagesOf = async (first: string, between: () => Promise<unknown>, as: 'operator' | 'partner' = 'operator') => {
    const found: unknown[] = [];
    for (let path: string | undefined = first; path !== undefined;) {
      const page: RestAnswer = await ask(path, { as });
      found.push(...matches(page));
      path = link(page, 'next');
      if (path !== undefined) await between();
    }
    return found;
  };
  const all = `/Observation?patient=${MATCHED}`;

  it.each([
    ['_sort=date', ['o1', 'o4', 'o2', 'o0', 'o3']],
    ['_sort=-date', ['o0', 'o2', 'o4', 'o1', 'o3']],
    ['_sort=-_id', ['o4', 'o3', 'o2', 'o1', 'o0']],
    ['_sort=_id', ['o0', 'o1', 'o2', 'o3', 'o4']],
    ['_sort=-_lastUpdated', ['o4', 'o3', 'o2', 'o1', 'o0']],
  ])('is ordered by %s', async (sort, expected) => {
    expect(matches(await ask(`${all}&${sort}`))).toEqual(expected);
    expect(matches(await ask(`${all}&${sort}`, { as: 'partner' }))).toEqual(expected);
  });

  it('is not ordered by what has no order, and says so', async () => {
    const { json } = await ask(`${all}&_sort=code`);
    expect(json.entry?.at(-1)?.resource?.issue?.[0]?.diagnostics).toContain('_sort');
  });

  it('counts, without the resources', async () => {
    for (const as of ['operator', 'partner'] as const) {
      const counted = await ask(`${all}&status=final&_summary=count`, { as });
      expect([counted.json.total, counted.json.entry]).toEqual([5, undefined]);
      expect((await ask('/Observation?_summary=count', { as })).json.total).toBe(as === 'operator' ? 6 : 5);
    }
  });

  it('tells on a page how many there are where that is asked for', async () => {
    expect((await ask(`${all}&_count=2`)).json.total).toBeUndefined();
    for (const as of ['operator', 'partner'] as const) {
      expect((await ask(`${all}&_count=2&_total=accurate`, { as })).json.total).toBe(5);
    }
  });

  it('narrows resources to elements, which keep their digits', async () => {
    const { text } = await ask(`${all}&_id=o0&_elements=valueQuantity`);
    expect(text).toContain('"valueQuantity":{"value":1.50}');
    expect(text).toContain('SUBSETTED');
    expect(text).not.toContain('effectiveDateTime');
  });

  it('shows in its own link what was honoured, and nothing else', async () => {
    const answer = await ask(`${all}&made-up=1&_sort=-date&_count=3`);
    expect(link(answer, 'self')).toBe(`${all}&_sort=-date&_count=3`);
  });

  it('is refused when handling is strict and a parameter is not known', async () => {
    const strict = await ask(`${all}&_summary=text`, { headers: { Prefer: 'handling=strict' } });
    expect([strict.status, strict.code, strict.json.issue?.[0]?.diagnostics?.includes('_summary')]).toEqual([
      400,
      'not-supported',
      true,
    ]);
  });

  it.each(['&_count=2', '&_count=2&_sort=-date', '&_count=2&status=final'])(
    'gives each record once on its pages although others write meanwhile: %s',
    async (form) => {
      for (const as of ['operator', 'partner'] as const) {
        let written = 0;
        const before = matches(await ask(all, { as })).sort();
        const write = async () => {
          written += 1;
          await observation(
            `new-${as}-${form.length}-${written}`,
            ',"effectiveDateTime":"2025-12-12","status":"final"',
          );
          await observation('o4', `,"effectiveDateTime":"2023-0${written}-01","status":"final"`);
        };
        expect([...(await pagesOf(`${all}${form}`, write, as))].sort()).toEqual(before);
      }
    },
  );
});
