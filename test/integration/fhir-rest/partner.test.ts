import { beforeAll, describe, expect, it } from '@jest/globals';
import { MATCHED, matches, useRestApi } from '../../support/rest-api.ts';
import type { Asked } from '../../support/rest-api.ts';

describe('a partner', () => {
  const { ask, put } = useRestApi();

  beforeAll(async () => {
    await put('Patient', MATCHED, ',"identifier":[{"value":"same"}]');
    await put('Patient', 'other', ',"identifier":[{"value":"same"}]');
    await put('Condition', 'p-1', `,"subject":{"reference":"Patient/${MATCHED}"}`);
    await put('Condition', 'p-2', ',"subject":{"reference":"Patient/other"}');
    await put('Condition', 'p-3', `,"subject":{"reference":"Patient/${MATCHED}"}`);
    await ask('/Condition/p-3', { method: 'DELETE' });
  });
  const asPartner = (path: string, asked: Asked = {}) => ask(path, { ...asked, as: 'partner' });

  it('sees the records of its members and is told of no others', async () => {
    expect((await asPartner('/Condition/p-1')).status).toBe(200);
    for (const path of ['/Condition/p-2', '/Condition/p-2/_history', '/Condition/p-3', '/Condition/none']) {
      expect(await asPartner(path)).toMatchObject({ status: 404, code: 'not-found' });
    }
    expect(matches(await asPartner('/Patient?identifier=same'))).toEqual([MATCHED]);
    expect(matches(await asPartner('/Condition?patient=other'))).toEqual([]);
    expect(matches(await asPartner('/Condition'))).toEqual(['p-1']);
  });

  it('sees no more through a batch', async () => {
    const urls = ['Condition/p-1', 'Condition/p-2', 'Patient?identifier=same'];
    const entry = urls.map((url) => ({ request: { method: 'GET', url } }));
    const { json } = await asPartner('/', {
      method: 'POST',
      body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
    });
    expect(json.entry?.map(({ response }) => response?.status)).toEqual(['200', '404', '200']);
    expect(json.entry?.[2]?.resource?.entry).toHaveLength(1);
  });

  it('writes nothing', async () => {
    const body = '{"resourceType":"Patient","id":"matched"}';
    const transaction = JSON.stringify({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [{ resource: JSON.parse(body) as unknown, request: { method: 'PUT', url: 'Patient/matched' } }],
    });
    expect((await asPartner('/Patient/matched', { method: 'PUT', body })).status).toBe(403);
    expect((await asPartner('/Patient', { method: 'POST', body })).status).toBe(403);
    expect((await asPartner('/Patient/matched', { method: 'DELETE' })).status).toBe(403);
    expect((await asPartner('/', { method: 'POST', body: transaction })).status).toBe(403);
    expect((await ask('/Patient/matched')).json.meta?.versionId).toBe(
      (await asPartner('/Patient/matched')).json.meta?.versionId,
    );
  });
});
