import { describe, expect, it } from '@jest/globals';
import { useRestApi } from '../../support/rest-api.ts';

describe('conditional interactions', () => {
  const { ask, put } = useRestApi();
  const doctor = (value: string, more = ''): string =>
    `{"resourceType":"Practitioner"${more},"identifier":[{"system":"npi","value":"${value}"}]}`;
  const send = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    ask(path, { method, headers, ...(body !== undefined && { body }) });

  it('update the one that matches, whose id the resource need not have', async () => {
    await put('Practitioner', 'c1', ',"identifier":[{"system":"npi","value":"1"}]');
    const updated = await send('PUT', '/Practitioner?identifier=npi|1', doctor('1', ',"active":true'));
    expect([updated.status, updated.json.id]).toEqual([200, 'c1']);
    expect((await ask('/Practitioner/c1')).text).toContain('"active":true');
  });

  it('create where nothing matches, under the id that the resource has, or a new one', async () => {
    const named = await send('PUT', '/Practitioner?identifier=npi|2', doctor('2', ',"id":"c2"'));
    const unnamed = await send('PUT', '/Practitioner?identifier=npi|3', doctor('3'));
    expect([named.status, named.json.id, unnamed.status]).toEqual([201, 'c2', 201]);
    const again = await send('PUT', '/Practitioner?identifier=npi|3', doctor('3', ',"active":true'));
    expect([again.status, again.json.id]).toEqual([200, unnamed.json.id]);
  });

  it('are refused where several match, and change none', async () => {
    for (const id of ['c4', 'c5']) await put('Practitioner', id, ',"identifier":[{"system":"npi","value":"45"}]');
    expect((await send('PUT', '/Practitioner?identifier=npi|45', doctor('45'))).status).toBe(412);
    expect((await send('DELETE', '/Practitioner?identifier=npi|45')).status).toBe(412);
    expect((await send('POST', '/Practitioner', doctor('45'), { 'If-None-Exist': 'identifier=npi|45' })).status).toBe(
      412,
    );
    for (const id of ['c4', 'c5']) expect((await ask(`/Practitioner/${id}/_history`)).json.total).toBe(1);
  });

  it('are refused where the resource has the id of another than matches', async () => {
    await put('Practitioner', 'c6', ',"identifier":[{"system":"npi","value":"6"}]');
    expect(await send('PUT', '/Practitioner?identifier=npi|6', doctor('6', ',"id":"c7"'))).toMatchObject({
      status: 400,
      code: 'request-invalid',
    });
  });

  it('delete the one that matches, and nothing where none does', async () => {
    await put('Practitioner', 'c8', ',"identifier":[{"system":"npi","value":"8"}]');
    expect((await send('DELETE', '/Practitioner?identifier=npi|8')).status).toBe(204);
    expect((await ask('/Practitioner/c8')).status).toBe(410);
    expect((await send('DELETE', '/Practitioner?identifier=npi|8')).status).toBe(204);
  });

  it.each(['', '?', '?_count=1', '?made-up=1', '?_sort=_id'])('are refused without a condition: %s', async (query) => {
    await put('Practitioner', 'c9');
    for (const method of ['PUT', 'DELETE']) {
      const answer = await send(method, `/Practitioner${query}`, method === 'PUT' ? doctor('9') : undefined);
      expect([method, answer.status]).toEqual([method, 400]);
    }
    expect((await ask('/Practitioner/c9')).status).toBe(200);
  });

  it('stand in transactions beside references to what they find', async () => {
    await put('Practitioner', 'c10', ',"identifier":[{"system":"npi","value":"10"}]');
    await put('Practitioner', 'c11', ',"identifier":[{"system":"npi","value":"11"}]');
    const body = `{"resourceType":"Bundle","type":"transaction","entry":[
      {"fullUrl":"urn:uuid:p","resource":${doctor('10', ',"active":true')},"request":{"method":"PUT","url":"Practitioner?identifier=npi|10"}},
      {"resource":{"resourceType":"PractitionerRole","id":"c-role","practitioner":{"reference":"urn:uuid:p"}},"request":{"method":"PUT","url":"PractitionerRole/c-role"}},
      {"request":{"method":"DELETE","url":"Practitioner?identifier=npi|11"}},
      {"request":{"method":"DELETE","url":"Practitioner?identifier=npi|none"}}]}`;
    const { json } = await send('POST', '/', body);
    expect(json.entry?.map(({ response }) => response?.status)).toEqual(['200', '201', '204', '204']);
    expect((await ask('/PractitionerRole/c-role')).text).toContain('"reference":"Practitioner/c10"');
    expect((await ask('/Practitioner/c11')).status).toBe(410);
  });

  it('stand in batches', async () => {
    await put('Practitioner', 'c12', ',"identifier":[{"system":"npi","value":"12"}]');
    const entry = [
      {
        resource: JSON.parse(doctor('12', ',"active":false')) as unknown,
        request: { method: 'PUT', url: 'Practitioner?identifier=npi|12' },
      },
      { request: { method: 'DELETE', url: 'Practitioner?identifier=npi|12' } },
    ];
    const { json } = await send('POST', '/', JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }));
    expect(json.entry?.map(({ response }) => response?.status)).toEqual(['200', '204']);
  });

  it('read nothing again that has not changed since', async () => {
    const { headers } = await put('Practitioner', 'c13');
    const modified = headers.get('last-modified') ?? '';
    const ifSince = (date: string) => ask('/Practitioner/c13', { headers: { 'If-Modified-Since': date } });
    expect((await ifSince(modified)).status).toBe(304);
    expect((await ifSince('Thu, 01 Jan 2015 00:00:00 GMT')).status).toBe(200);
    expect((await ifSince('yesterday')).status).toBe(200);
  });

  it('are the operator’s', async () => {
    for (const method of ['PUT', 'DELETE']) {
      const body = method === 'PUT' ? { body: doctor('13') } : {};
      expect((await ask('/Practitioner?identifier=npi|13', { method, as: 'partner', ...body })).status).toBe(403);
    }
  });

  it('PATCH is none of the interactions', async () => {
    const answer = await send('PATCH', '/Practitioner/c13', '[]');
    expect([answer.status, answer.code]).toEqual([405, 'method-not-allowed']);
  });
});
