import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Router } from 'express';
import type { NextFunction, Request, Response } from 'express';
import { createFhirApp } from '../../../api/app.ts';
import { bodyText } from '../../../api/body.ts';
import { endpointsOf } from '../../../api/oauth/endpoints.ts';
import { smartConfigurationRouter } from '../../../api/oauth/discovery.ts';
import { ERRORS, ExchangeError } from '../../../fhir/errors.ts';
import { createLogger } from '../../../logger.ts';
import { serveApp } from '../../support/serve.ts';
import type { ServedApp } from '../../support/serve.ts';

const SENTINEL = 'sentinel-of-a-member';
const logLines: string[] = [];
let served: ServedApp;
let thrown: unknown;

beforeAll(async () => {
  const router = Router();
  router.get('/throw', () => {
    throw thrown;
  });
  router.get('/half', (_req: Request, res: Response, next: NextFunction) => {
    res.setHeader('Content-Length', '1000');
    res.write('half');
    next(new Error(SENTINEL));
  });
  router.get('/thing/:id', (_req, res) => void res.json({}));
  router.post('/body', (req, res) => void res.json({ length: bodyText(req).length }));
  const app = createFhirApp({
    authorizationServer: (_req, _res, next) => next(),
    open: [smartConfigurationRouter(endpointsOf('http://payer.test'))],
    authenticate: (_req, _res, next) => next(),
    protected: [router],
    log: createLogger('trace', (line) => logLines.push(line)),
  });
  served = await serveApp(app);
});

afterAll(() => served.close());

async function answerTo(error: unknown): Promise<{ status: number; headers: Headers; text: string; body: unknown }> {
  thrown = error;
  const response = await fetch(`${served.url}/fhir/throw`);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as unknown };
}

describe('an error of the table', () => {
  it('is an OperationOutcome with issue type, our code, its sentence, and the element at fault', async () => {
    const expression = "Parameters.parameter.where(name = 'localPatient')";
    const error = new ExchangeError('patient-unknown', {
      detail: SENTINEL,
      diagnostics: 'A Patient of ours.',
      expression,
    });
    const { status, headers, body, text } = await answerTo(error);
    expect(status).toBe(422);
    expect(headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    expect(body).toEqual({
      resourceType: 'OperationOutcome',
      issue: [
        {
          severity: 'error',
          code: 'not-found',
          details: {
            coding: [
              { system: 'http://payer-to-payer-exchange/CodeSystem/p2p-internal-codes', code: 'patient-unknown' },
            ],
            text: 'The local patient is not in the store.',
          },
          diagnostics: 'A Patient of ours.',
          expression: [expression],
        },
      ],
    });
    expect(text).not.toContain(SENTINEL);
  });

  it.each([
    ['throttled', 12_300, '13'],
    ['unavailable', undefined, '5'],
    ['forbidden', undefined, null],
  ] as const)('%s says when to come again where that may help', async (code, retryAfterMs, header) => {
    const error = new ExchangeError(code, { ...(retryAfterMs !== undefined && { retryAfterMs }) });
    const { status, headers } = await answerTo(error);
    expect([status, headers.get('retry-after')]).toEqual([ERRORS[code].status, header]);
  });

  it('that asks for a token names the scheme', async () => {
    expect((await answerTo(new ExchangeError('unauthenticated'))).headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('any other error', () => {
  it('is internal, and its message goes neither out nor to the log', async () => {
    logLines.length = 0;
    const { status, headers, body, text } = await answerTo(new TypeError(`cannot read ${SENTINEL}`));
    expect([status, body]).toMatchObject([
      500,
      { issue: [{ code: 'exception', details: { coding: [{ code: 'internal' }] } }] },
    ]);
    expect(text + logLines.join('')).not.toContain(SENTINEL);
    const [line] = logLines.map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(line).toMatchObject({
      event: 'request-failed',
      code: 'internal',
      requestId: headers.get('x-request-id'),
      errorName: 'TypeError',
    });
  });

  it.each([
    ['a refused connection', { code: 'ECONNREFUSED' }],
    ['Postgres shutting down', { code: '57P01' }],
    ['Prisma without a database', { code: 'P1001' }],
  ])('of %s is worth another try', async (_name, properties) => {
    const cause = Object.assign(new Error('away'), properties);
    const { status, headers } = await answerTo(new Error('outer', { cause }));
    expect([status, headers.get('retry-after')]).toEqual([503, '5']);
  });

  it('after half an answer cuts the connection', async () => {
    const response = await fetch(`${served.url}/fhir/half`);
    await expect(response.text()).rejects.toThrow();
  });
});

describe('a request that no route takes', () => {
  const ask = async (
    method: string,
    path: string,
    init: RequestInit = {},
  ): Promise<[number, string, string | null]> => {
    const response = await fetch(`${served.url}${path}`, { method, ...init });
    const body = (await response.json()) as {
      resourceType: string;
      issue: { details: { coding: { code: string }[] } }[];
    };
    expect(body.resourceType).toBe('OperationOutcome');
    return [response.status, body.issue[0]?.details.coding[0]?.code ?? '', response.headers.get('allow')];
  };

  it.each([
    ['GET', '/nowhere', 404, 'not-found', null],
    ['GET', '/fhir/Nothing/1', 404, 'not-found', null],
    ['POST', '/fhir/Patient/$nothing', 404, 'not-found', null],
    ['PATCH', '/fhir/Patient/1', 405, 'method-not-allowed', 'GET, HEAD, PUT, DELETE'],
    ['PATCH', '/fhir/Patient', 405, 'method-not-allowed', 'GET, HEAD, POST, PUT, DELETE'],
    ['DELETE', '/fhir/Task', 405, 'method-not-allowed', 'GET, HEAD, POST'],
    ['POST', '/fhir/.well-known/smart-configuration', 405, 'method-not-allowed', 'GET, HEAD'],
    ['GET', '/fhir/thing/%E0%A4%A', 400, 'request-invalid', null],
  ])('%s %s is %i', async (method, path, status, code, allow) => {
    expect(await ask(method, path)).toEqual([status, code, allow]);
  });

  it('or whose body is larger than allowed is 413', async () => {
    const init = { body: new Uint8Array(64 * 1024 * 1024 + 1), headers: { 'content-type': 'application/fhir+json' } };
    expect(await ask('POST', '/fhir/body', init)).toEqual([413, 'request-too-large', null]);
  });

  it('or whose body is encoded in an unknown way is 415', async () => {
    const init = { body: '{}', headers: { 'content-type': 'application/fhir+json', 'content-encoding': 'snappy' } };
    expect(await ask('POST', '/fhir/body', init)).toEqual([415, 'unsupported-media-type', null]);
  });

  it('tells nobody what serves it', async () => {
    const { headers } = await fetch(`${served.url}/nowhere`);
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  });
});
