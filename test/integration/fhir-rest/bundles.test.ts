import { describe, expect, it } from '@jest/globals';
import { matches, useRestApi } from '../../support/rest-api.ts';

describe('Bundles', () => {
  const { ask, put } = useRestApi();

  const post = (body: string) => ask('/', { method: 'POST', body });

  it('as a transaction write all entries, references between them and conditional ones resolved', async () => {
    await put('Organization', 't-org', ',"identifier":[{"system":"npi","value":"77"}]');
    const done = await post(`{"resourceType":"Bundle","type":"transaction","entry":[
      {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","managingOrganization":{"reference":"Organization?identifier=npi|77"}},"request":{"method":"POST","url":"Patient"}},
      {"resource":{"resourceType":"Observation","id":"t-o","subject":{"reference":"urn:uuid:1"},"valueQuantity":{"value":2.50}},"request":{"method":"PUT","url":"Observation/t-o"}},
      {"request":{"method":"GET","url":"Observation/t-o"}},
      {"request":{"method":"DELETE","url":"Observation/not-there"}}]}`);
    expect(done.status).toBe(200);
    expect(done.json.entry?.map(({ response }) => response?.status)).toEqual(['201', '201', '200', '204']);
    const [, patient] = /Patient\/([^/]+)\//.exec(done.json.entry?.[0]?.response?.location ?? '') ?? [];
    expect((await ask(`/Patient/${patient}`)).text).toContain('"reference":"Organization/t-org"');
    expect((await ask('/Observation/t-o')).text).toContain(
      `"subject":{"reference":"Patient/${patient}"},"valueQuantity":{"value":2.50}`,
    );
    expect(matches(await ask(`/Observation?patient=${patient}`))).toEqual(['t-o']);
  });

  it('as a transaction write nothing when one entry fails', async () => {
    const first = await put('Organization', 't-a');
    const failing = [
      `{"resource":{"resourceType":"Organization","id":"t-a","name":"x"},"request":{"method":"PUT","url":"Organization/t-a","ifMatch":"W/\\"0\\""}}`,
      `{"resource":{"resourceType":"Patient","managingOrganization":{"reference":"Organization?identifier=npi|none"}},"request":{"method":"POST","url":"Patient"}}`,
      `{"resource":{"resourceType":"Organization","id":"t-b"},"request":{"method":"PUT","url":"Organization/t-b"}}`,
    ];
    const statuses: number[] = [];
    for (const entry of failing) {
      const good =
        '{"resource":{"resourceType":"Organization","id":"t-b"},"request":{"method":"PUT","url":"Organization/t-b"}}';
      statuses.push((await post(`{"resourceType":"Bundle","type":"transaction","entry":[${good},${entry}]}`)).status);
    }
    expect(statuses).toEqual([412, 422, 400]);
    expect((await ask('/Organization/t-b')).status).toBe(404);
    expect((await ask('/Organization/t-a')).json.meta?.versionId).toBe(first.json.meta?.versionId);
  });

  it('as a batch answer each entry by itself', async () => {
    const { json } = await post(`{"resourceType":"Bundle","type":"batch","entry":[
      {"resource":{"resourceType":"Organization","id":"b-1"},"request":{"method":"PUT","url":"Organization/b-1"}},
      {"resource":{"resourceType":"Organization","id":"b-2"},"request":{"method":"PUT","url":"Organization/b-3"}},
      {"request":{"method":"GET","url":"Organization/b-1"}},
      {"request":{"method":"GET","url":"Organization/$nothing/x/y/z"}}]}`);
    expect(json.entry?.map(({ response }) => response?.status)).toEqual(['201', '400', '200', '400']);
    expect(json.entry?.[1]?.response?.outcome?.resourceType).toBe('OperationOutcome');
    expect(json.entry?.[2]?.resource?.id).toBe('b-1');
  });

  it.each([
    '{"resourceType":"Bundle","type":"collection"}',
    '{"resourceType":"Patient"}',
    '[]',
    '{"resourceType":"Bundle","type":"batch","entry":[{}]}',
  ])('are refused: %s', async (body) => {
    expect(await post(body)).toMatchObject({ status: 400, code: 'request-invalid' });
  });
});
