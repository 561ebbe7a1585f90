import { describe, expect, it } from '@jest/globals';
import { ISSUER, useRestApi } from '../../support/rest-api.ts';

describe('single resources', () => {
  const { ask, put } = useRestApi();

  it('are created with an id of the server, and read with the digits they came with', async () => {
    const created = await ask('/Observation', {
      method: 'POST',
      body: '{"resourceType":"Observation","id":"mine","subject":{"reference":"Patient/x"},"valueQuantity":{"value":1.500}}',
    });
    expect(created.status).toBe(201);
    expect(created.json.id).not.toBe('mine');
    expect(created.headers.get('location')).toBe(
      `${ISSUER}/fhir/Observation/${created.json.id}/_history/${created.json.meta?.versionId}`,
    );
    const read = await ask(`/Observation/${created.json.id}`);
    expect(read.status).toBe(200);
    expect(read.headers.get('content-type')).toContain('application/fhir+json');
    expect(read.headers.get('etag')).toBe(`W/"${created.json.meta?.versionId}"`);
    expect(read.text).toContain('"value":1.500');
  });

  it('are created by PUT and then updated, unless If-Match names another version', async () => {
    const created = await put('Organization', 'u1');
    const updated = await put('Organization', 'u1', ',"name":"A"', { 'If-Match': created.headers.get('etag') ?? '' });
    const late = await put('Organization', 'u1', ',"name":"B"', { 'If-Match': created.headers.get('etag') ?? '' });
    expect([created.status, updated.status, late.status]).toEqual([201, 200, 412]);
    expect(late.code).toBe('version-conflict');
  });

  it('answer as the caller prefers', async () => {
    expect((await put('Organization', 'u2', '', { Prefer: 'return=minimal' })).text).toBe('');
    const outcome = await put('Organization', 'u2', ',"name":"A"', { Prefer: 'return=OperationOutcome' });
    expect(outcome.json.resourceType).toBe('OperationOutcome');
  });

  it('are not sent again to one who knows the version', async () => {
    const { headers } = await put('Organization', 'u3');
    const again = await ask('/Organization/u3', { headers: { 'If-None-Match': headers.get('etag') ?? '' } });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('are gone after DELETE, while their versions stay', async () => {
    const first = await put('Organization', 'u4');
    expect((await ask('/Organization/u4', { method: 'DELETE' })).status).toBe(204);
    expect((await ask('/Organization/u4', { method: 'DELETE' })).status).toBe(204);
    expect((await ask('/Organization/never', { method: 'DELETE' })).status).toBe(204);
    expect(await ask('/Organization/u4')).toMatchObject({ status: 410, code: 'deleted' });
    expect((await ask(`/Organization/u4/_history/${first.json.meta?.versionId}`)).status).toBe(200);
    const history = await ask('/Organization/u4/_history');
    expect(history.json.total).toBe(2);
    expect(history.json.entry?.map(({ request }) => request?.method)).toEqual(['DELETE', 'POST']);
    expect(await ask('/Organization/never')).toMatchObject({ status: 404, code: 'not-found' });
  });

  it.each([
    ['no JSON', '{'],
    ['another type', '{"resourceType":"Patient","id":"u5"}'],
    ['another id', '{"resourceType":"Organization","id":"u6"}'],
    ['no id', '{"resourceType":"Organization"}'],
  ])('are refused with %s', async (_name, body) => {
    expect(await ask('/Organization/u5', { method: 'PUT', body })).toMatchObject({
      status: 400,
      code: 'request-invalid',
    });
  });

  it('are created once under If-None-Exist', async () => {
    const body = '{"resourceType":"Practitioner","identifier":[{"system":"npi","value":"7"}]}';
    const create = () =>
      ask('/Practitioner', { method: 'POST', body, headers: { 'If-None-Exist': 'identifier=npi|7' } });
    const [first, second] = [await create(), await create()];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json.id).toBe(first.json.id);
  });
});
