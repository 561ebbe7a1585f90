import { beforeAll, describe, expect, it } from '@jest/globals';
import { ISSUER, matches, useRestApi } from '../../support/rest-api.ts';
import type { RestAnswer } from '../../support/rest-api.ts';

describe('searches', () => {
  const { ask, put } = useRestApi();

  beforeAll(async () => {
    await put(
      'Patient',
      's1',
      ',"name":[{"family":"Sörensen","given":["Åsa"]}],"identifier":[{"system":"mrn","value":"1"}]',
    );
    await put('Patient', 's2', ',"name":[{"family":"Smith"}]');
    for (let index = 0; index < 5; index += 1)
      await put('Condition', `s-${index}`, ',"subject":{"reference":"Patient/s1"}');
    await put('Provenance', 's-p', ',"target":[{"reference":"Condition/s-1"}],"recorded":"2026-01-01"');
  });

  it.each([
    ['Patient?_id=s1,s2', ['s1', 's2']],
    ['Patient?identifier=mrn|1', ['s1']],
    ['Patient?identifier=other|1', []],
    ['Patient?family=soren&given=asa', ['s1']],
    ['Patient?name=smi,sor', ['s1', 's2']],
    ['Condition?patient=s1&_count=50', ['s-0', 's-1', 's-2', 's-3', 's-4']],
    ['Condition?subject=Patient/s1&_id=s-3', ['s-3']],
    [`Condition?patient=${ISSUER}/fhir/Patient/s2`, []],
    ['Condition?patient=s1&_lastUpdated=lt2020', []],
    ['Condition?patient=s1&_lastUpdated=ge2020-01-01T00:00:00Z&_id=s-1', ['s-1']],
  ])('%s', async (url, expected) => {
    expect(matches(await ask(`/${url}`))).toEqual(expected);
  });

  it('go on page after page by their links', async () => {
    const found: unknown[] = [];
    let path: string | undefined = '/Condition?patient=s1&_count=2';
    for (let pages = 0; path !== undefined && pages < 9; pages += 1) {
      const page: RestAnswer = await ask(path);
      found.push(...matches(page));
      path = page.json.link?.find(({ relation }) => relation === 'next')?.url.slice(`${ISSUER}/fhir`.length);
    }
    expect(found).toEqual(['s-0', 's-1', 's-2', 's-3', 's-4']);
  });

  it('bring the Provenance of what they find where that is asked for', async () => {
    const { json } = await ask('/Condition?patient=s1&_revinclude=Provenance:target');
    expect(json.entry?.filter(({ search }) => search?.mode === 'include').map(({ resource }) => resource?.id)).toEqual([
      's-p',
    ]);
  });

  it('can be posted as a form', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect(matches(await ask('/Patient/_search', { method: 'POST', body: 'identifier=mrn%7C1', headers }))).toEqual([
      's1',
    ]);
  });

  it('say which parameters they did not apply, or refuse them when handling is strict', async () => {
    const lenient = await ask('/Condition?patient=s1&made-up=1');
    const entry = lenient.json.entry?.find(({ search }) => search?.mode === 'outcome');
    expect(entry?.resource?.issue?.[0]?.diagnostics).toContain('made-up');
    expect(entry?.fullUrl).toMatch(/^urn:uuid:/);
    expect(lenient.json.link?.[0]?.url).not.toContain('made-up');
    const strict = await ask('/Condition?patient=s1&made-up=1', { headers: { Prefer: 'handling=strict' } });
    expect(strict).toMatchObject({ status: 400, code: 'not-supported' });
  });

  it.each(['Condition?code=1', 'Claim?identifier=a|b', 'Patient?birthdate=gt1970-01-01'])(
    'are refused as too costly: %s',
    async (url) => {
      expect(await ask(`/${url}`)).toMatchObject({ status: 400, code: 'too-costly' });
    },
  );

  it.each([
    'Patient?family:of-type=Smith',
    'Condition?patient=Group/1',
    'Condition?patient=s1&_lastUpdated=x',
    'Condition?patient=s1&_count=-1',
  ])('are refused: %s', async (url) => {
    expect((await ask(`/${url}`)).status).toBe(400);
  });
});
