import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import express from 'express';
import { createAuthorizationServer } from '../../../api/oauth/authorization-server.ts';
import { endpointsOf } from '../../../api/oauth/endpoints.ts';
import { createLogger } from '../../../logger.ts';
import { serveApp } from '../../support/serve.ts';
import type { ServedApp } from '../../support/serve.ts';

const SENTINEL = 'sentinel-of-a-connection';
const logLines: string[] = [];
let served: ServedApp;
let failure: Error;

beforeAll(async () => {
  const {
    x = '',
    y = '',
    d = '',
  } = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ format: 'jwk' });
  const app = express().use(
    createAuthorizationServer({
      endpoints: endpointsOf('http://payer.test'),
      operator: { clientId: 'operator', clientSecret: 'operator-secret' },
      client: () => Promise.reject(failure),
      signingKeys: [{ kty: 'EC', crv: 'P-384', x, y, d, kid: 'k', alg: 'ES384', use: 'sig' }],
      usedAssertions: { use: () => Promise.resolve(true) },
      tokenSeconds: 300,
      log: createLogger('trace', (line) => logLines.push(line)),
    }),
  );
  served = await serveApp(app);
});

afterAll(() => served.close());

async function ask(): Promise<Response> {
  return fetch(`${served.url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'partner', client_secret: 'x' }),
  });
}

it('asks to come again while the database is away', async () => {
  failure = Object.assign(new Error(SENTINEL), { code: 'ECONNREFUSED' });
  const answer = await ask();
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' });
});

it('says of an error of its own nothing but that there was one, and logs its name alone', async () => {
  failure = new TypeError(SENTINEL);
  const answer = await ask();
  const text = await answer.text();
  expect(answer.status).toBe(500);
  expect(JSON.parse(text)).toMatchObject({ error: 'server_error' });
  expect(logLines.at(-1)).toContain('"errorName":"TypeError"');
  expect(text + logLines.join('')).not.toContain(SENTINEL);
});
