import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { readMatchAnswer } from '../../../fhir/match-answer.ts';
import { clientBench, outcome } from './client-bench.ts';
import { failureOf, json } from './tiny-server.ts';

const bench = clientBench();

describe('a 401', () => {
  it('brings one new token and one more try', async () => {
    bench.answer = ({ headers }, response) =>
      headers.authorization === 'Bearer token-2'
        ? json(response, 200, { resourceType: 'Patient', id: 'p1' })
        : json(response, 401, {});
    await bench.client().read('Patient', 'p1');
    expect(bench.asked().map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('twice is the end', async () => {
    bench.answer = (_request, response) => json(response, 401, outcome('login'));
    expect(await failureOf(bench.client().read('Patient', 'p1'))).toMatchObject({ code: 'token-refused', status: 401 });
    expect(bench.asked()).toHaveLength(2);
  });
});

describe('$member-match', () => {
  const body = '{"resourceType":"Parameters","parameter":[{"name":"x","valueDecimal":1.50}]}';

  it('sends the body as posted and hands the answer back', async () => {
    bench.answer = (_request, response) =>
      json(response, 200, { resourceType: 'Parameters', parameter: [{ name: 'MemberId', valueId: 'Patient/m1' }] });
    expect(readMatchAnswer(await bench.client().memberMatch(body))).toMatchObject({ patientId: 'm1' });
    expect(bench.asked()[0]).toMatchObject({
      method: 'POST',
      path: '/fhir/Patient/$member-match',
      body,
      headers: { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' },
    });
  });

  it.each([
    [outcome('not-found'), 'member-not-matched'],
    [outcome('processing', { details: { text: 'No match found' } }), 'member-not-matched'],
    [outcome('multiple-matches'), 'member-ambiguous'],
    [outcome('processing', { diagnostics: 'Multiple members matched' }), 'member-ambiguous'],
    [outcome('business-rule', { details: { text: 'Consent constraint' } }), 'consent-refused'],
    [outcome('business-rule', { details: { coding: [{ code: 'member-ambiguous' }] } }), 'member-ambiguous'],
    [outcome('business-rule', { diagnostics: 'sensitive data cannot be held back' }), 'consent-refused'],
    [outcome('business-rule', { diagnostics: 'No match' }), 'member-not-matched'],
    [outcome('required', { diagnostics: 'bad bundle format' }), 'peer-refused'],
  ])('422 %j means %s', async (said, code) => {
    bench.answer = (_request, response) => json(response, 422, said);
    const error = await failureOf(bench.client().memberMatch(body));
    expect(error).toMatchObject({ code, status: 422, outcome: JSON.stringify(said) });
  });

  it('keeps what the peer says out of the message', async () => {
    bench.answer = (_request, response) => json(response, 400, outcome('invalid', { diagnostics: 'Jane Doe' }));
    expect(await failureOf(bench.client().memberMatch(body))).toMatchObject({
      code: 'peer-refused',
      message: 'The responding payer refused a request.',
      detail: 'HTTP 400: invalid: Jane Doe',
    });
  });

  it.each([
    [429, { 'retry-after': '3' }, 'peer-busy', 3000],
    [503, { 'retry-after': 'Wed, 01 Jul 2026 12:00:30 GMT' }, 'peer-busy', 30_000],
    [429, {}, 'peer-busy', undefined],
    [502, {}, 'peer-unreachable', undefined],
    [500, {}, 'peer-unreachable', undefined],
  ])('HTTP %i %j may pass', async (status, headers, code, retryAfterMs) => {
    bench.answer = (_request, response) => json(response, status, {}, headers);
    expect(await failureOf(bench.client().memberMatch(body))).toMatchObject({ code, retryAfterMs });
  });

  it('is invalid when the answer is a page', async () => {
    bench.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Jane</html>');
    const error = await failureOf(bench.client().memberMatch(body));
    expect(error).toMatchObject({ code: 'peer-media-type', cause: undefined });
  });

  it('is unreachable when the answer breaks off', async () => {
    bench.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"resourceType":');
      setImmediate(() => response.destroy());
    };
    expect(await failureOf(bench.client().memberMatch(body))).toMatchObject({ code: 'peer-unreachable' });
  });

  it('stops reading an answer that does not end', async () => {
    const piece = Buffer.alloc(1024 * 1024, ' ');
    bench.answer = (_request, response) => {
      response.writeHead(200);
      const more = (): boolean => response.destroyed || response.write(piece, more);
      more();
    };
    expect(await failureOf(bench.client().memberMatch(body))).toMatchObject({ code: 'peer-invalid' });
  });

  it('stops unpacking a small answer that becomes a big one', async () => {
    const zipped = gzipSync(Buffer.alloc(40 * 1024 * 1024, ' '));
    bench.answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped);
    expect(await failureOf(bench.client().memberMatch(body))).toMatchObject({ code: 'peer-invalid' });
  });

  it('takes an answer that is compressed without being asked', async () => {
    const zipped = gzipSync('{"resourceType":"Parameters"}');
    bench.answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped);
    expect(await bench.client().memberMatch(body)).toEqual({ resourceType: 'Parameters' });
  });
});

describe('the Patient with an identifier', () => {
  const patient = (id: string, value: string): unknown => ({
    resource: { resourceType: 'Patient', id, identifier: [{ system: 'urn:x', value }] },
  });
  const bundle = (...entry: unknown[]): unknown => ({ resourceType: 'Bundle', entry });
  const wanted = { system: 'urn:x', value: 'A,1|2' };

  it('is searched by POST, its identifier escaped', async () => {
    bench.answer = (_request, response) => json(response, 200, bundle(patient('p1', 'A,1|2')));
    expect(await bench.client().readPatientByIdentifier(wanted)).toEqual({ id: 'p1', method: 'POST' });
    expect(bench.asked()[0]).toMatchObject({ method: 'POST', path: '/fhir/Patient/_search' });
    expect(new URLSearchParams(bench.asked()[0]?.body).get('identifier')).toBe('urn:x|A\\,1\\|2');
  });

  it('is searched by GET where the server knows no other', async () => {
    bench.answer = ({ method }, response) =>
      method === 'GET' ? json(response, 200, bundle(patient('p1', 'A,1|2'))) : json(response, 405, {});
    expect(await bench.client().readPatientByIdentifier(wanted)).toEqual({ id: 'p1', method: 'GET' });
  });

  it('is not just anybody of a server that ignores the parameter', async () => {
    bench.answer = (_request, response) =>
      json(response, 200, bundle(patient('p1', 'other'), patient('p2', 'another')));
    expect(await failureOf(bench.client().readPatientByIdentifier(wanted))).toMatchObject({
      code: 'member-not-matched',
    });
  });

  it('is not one of several', async () => {
    bench.answer = (_request, response) => json(response, 200, bundle(patient('p1', 'A,1|2'), patient('p2', 'A,1|2')));
    expect(await failureOf(bench.client().readPatientByIdentifier(wanted))).toMatchObject({ code: 'member-ambiguous' });
  });
});

describe('reading', () => {
  it('gives the text as it came', async () => {
    const text = '{"resourceType":"Patient","id":"p1","extension":[{"url":"u","valueDecimal":1.50}]}';
    bench.answer = (_request, response) => response.writeHead(200).end(text);
    expect(await bench.client().read('Patient', 'p1')).toBe(text);
  });

  it('takes no other resource for the one asked for', async () => {
    bench.answer = (_request, response) => json(response, 200, { resourceType: 'Patient', id: 'p2' });
    expect(await failureOf(bench.client().read('Patient', 'p1'))).toMatchObject({ code: 'peer-invalid' });
  });

  it('of /metadata goes without a token where it can', async () => {
    bench.answer = (_request, response) => json(response, 200, { resourceType: 'CapabilityStatement' });
    expect(await bench.client().capabilities()).toMatchObject({ resourceType: 'CapabilityStatement' });
    expect(bench.seen().map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
