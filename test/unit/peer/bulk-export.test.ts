import { describe, expect, it } from '@jest/globals';
import { clientBench, outcome } from './client-bench.ts';
import { failureOf, json } from './tiny-server.ts';
import type { Answer } from './tiny-server.ts';

const bench = clientBench();

describe('a kick-off', () => {
  const entries = [
    '{"name":"_type","valueString":"Patient, Practitioner"}',
    '{"name":"patient","valueReference":{"reference":"Patient/posted"}}',
    '{"name":"_custom","valueDecimal":1.50}',
  ];
  const accepted: Answer = (_request, response) =>
    response.writeHead(202, { 'content-location': '/fhir/status/1' }).end();

  it('at type level names the matched member and leaves the rest as posted', async () => {
    bench.answer = accepted;
    const started = await bench.client().startExport({ form: 'type-level', patientId: 'm1', entries });
    expect(started).toEqual({ statusUrl: `${bench.url()}/fhir/status/1` });
    expect(bench.asked()[0]).toMatchObject({
      method: 'POST',
      path: '/fhir/Patient/$export',
      headers: { prefer: 'respond-async', accept: 'application/fhir+json', 'content-type': 'application/fhir+json' },
      body: `{"resourceType":"Parameters","parameter":[${entries[0]},${entries[2]},{"name":"patient","valueReference":{"reference":"Patient/m1"}}]}`,
    });
  });

  it('at instance level names the member in its path, by GET where POST is unknown', async () => {
    bench.answer = (request, response) =>
      request.method === 'GET' ? accepted(request, response) : json(response, 405, {});
    await bench.client().startExport({ form: 'instance-level', patientId: 'm1', entries });
    expect(bench.asked().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /fhir/Patient/m1/$export',
      'GET /fhir/Patient/m1/$export?_type=Patient%2C+Practitioner&_custom=1.5',
    ]);
  });

  it('at type level never becomes an export of everybody', async () => {
    bench.answer = (_request, response) => json(response, 405, {});
    const start = bench.client().startExport({ form: 'type-level', patientId: 'm1', entries });
    expect(await failureOf(start)).toMatchObject({ code: 'export-refused' });
    expect(bench.asked()).toHaveLength(1);
  });

  it.each([
    [{}, 'peer-invalid'],
    [{ 'content-location': 'http://10.0.0.1/status' }, 'host-not-allowed'],
    [{ 'content-location': 'http://[' }, 'peer-invalid'],
  ])('answered with %j is %s', async (headers, code) => {
    bench.answer = (_request, response) => response.writeHead(202, headers).end();
    expect(
      await failureOf(bench.client().startExport({ form: 'type-level', patientId: 'm1', entries: [] })),
    ).toMatchObject({
      code,
    });
  });

  it('with an id that is no id is not sent', async () => {
    const start = bench.client().startExport({ form: 'instance-level', patientId: '../admin', entries: [] });
    expect(await failureOf(start)).toMatchObject({ code: 'peer-invalid' });
    expect(bench.asked()).toHaveLength(0);
  });
});

describe('the state of an export', () => {
  const check = async (): Promise<unknown> => bench.client().checkExport(`${bench.url()}/fhir/status/1`);

  it.each([
    [
      { 'retry-after': '7200', 'x-progress': '40% done' },
      { retryAfterMs: 7_200_000, progressPercent: 40 },
    ],
    [{ 'retry-after': 'Wed, 01 Jul 2026 12:02:00 GMT', 'x-progress': 'working' }, { retryAfterMs: 120_000 }],
    [{}, {}],
  ])('in progress with %j', async (headers, more) => {
    bench.answer = (_request, response) => response.writeHead(202, headers).end();
    expect(await check()).toEqual({ state: 'in-progress', ...more });
  });

  it('complete has the files of every list and page', async () => {
    bench.answer = ({ path }, response) =>
      json(response, 200, {
        transactionTime: '2026-07-01T00:00:00Z',
        request: 'x',
        requiresAccessToken: false,
        output: [{ type: 'Patient', url: `${path}/file`, count: 3 }],
        error: [{ type: 'OperationOutcome', url: 'errors' }],
        ...(path === '/fhir/status/1' && { link: [{ relation: 'next', url: '2' }] }),
      });
    expect(await check()).toEqual({
      state: 'complete',
      manifest: {
        transactionTime: '2026-07-01T00:00:00Z',
        requiresAccessToken: false,
        next: undefined,
        files: [
          { list: 'output', type: 'Patient', url: `${bench.url()}/fhir/status/1/file`, announcedCount: 3 },
          {
            list: 'error',
            type: 'OperationOutcome',
            url: `${bench.url()}/fhir/status/errors`,
            announcedCount: undefined,
          },
          { list: 'output', type: 'Patient', url: `${bench.url()}/fhir/status/2/file`, announcedCount: 3 },
          {
            list: 'error',
            type: 'OperationOutcome',
            url: `${bench.url()}/fhir/status/errors`,
            announcedCount: undefined,
          },
        ],
      },
    });
  });

  it.each([
    [429, outcome('throttled'), 'peer-busy'],
    [500, outcome('transient'), 'peer-unreachable'],
    [400, outcome('timeout'), 'peer-unreachable'],
    [503, '<html>', 'peer-unreachable'],
    [500, outcome('processing'), 'export-failed'],
    [500, '<html>', 'export-failed'],
    [400, outcome('invalid'), 'export-failed'],
    [404, outcome('not-found'), 'export-expired'],
    [410, '', 'export-expired'],
  ])('HTTP %i %j is %s', async (status, body, code) => {
    bench.answer = (_request, response) => json(response, status, body);
    expect(await failureOf(check())).toMatchObject({ code });
  });

  it('without transactionTime is invalid', async () => {
    bench.answer = (_request, response) => json(response, 200, { output: [] });
    expect(await failureOf(check())).toMatchObject({
      code: 'peer-invalid',
      detail: 'export manifest: transactionTime',
    });
  });

  it.each([202, 200, 204, 404, 410])('%i to a DELETE is good', async (status) => {
    bench.answer = (_request, response) => response.writeHead(status).end();
    await bench.client().deleteExport(`${bench.url()}/fhir/status/1`);
    expect(bench.asked()[0]).toMatchObject({ method: 'DELETE', path: '/fhir/status/1' });
  });

  it('503 to a DELETE may be tried again', async () => {
    bench.answer = (_request, response) => response.writeHead(503).end();
    const end = bench.client().deleteExport(`${bench.url()}/fhir/status/1`);
    expect(await failureOf(end)).toMatchObject({ code: 'peer-unreachable' });
  });
});
