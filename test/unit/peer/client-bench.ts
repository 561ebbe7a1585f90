import { afterAll, afterEach, beforeEach } from '@jest/globals';
import type { OidcServer } from '../../../fhir/oidc-definitions.ts';
import { createPeerClient } from '../../../peer/fhir-client.ts';
import type { PeerClient } from '../../../peer/fhir-client.ts';
import { createPeerHttp } from '../../../peer/http.ts';
import { createTokenSource } from '../../../peer/token.ts';
import { memoryTokenCache } from '../../support/memory-token-cache.ts';
import { json, payerAt, tinyServer } from './tiny-server.ts';
import type { Answer, Seen, TinyServer } from './tiny-server.ts';

export const NOW = Date.parse('2026-07-01T12:00:00Z');

/** A payer that gives out `token-1`, `token-2` … and answers everything else as the test says. */
export interface ClientBench {
  answer: Answer;
  readonly url: () => string;
  readonly client: (more?: Record<string, unknown>, signal?: AbortSignal) => PeerClient;
  /** All requests but those for tokens. */
  readonly asked: () => readonly Seen[];
  readonly seen: () => readonly Seen[];
}

/** Sets a bench up for each test of the file. */
export function clientBench(): ClientBench {
  const http = createPeerHttp({ idleTimeoutMs: 200, headersTimeoutMs: 2000 });
  const running: { server?: TinyServer } = {};
  const server = (): TinyServer => {
    if (running.server === undefined) throw new Error('no test is running');
    return running.server;
  };
  const failing: Answer = (_request, response) => json(response, 500, {});
  const bench: ClientBench = {
    answer: failing,
    url: () => server().url,
    client: (more = {}, signal) => {
      const payer: OidcServer = payerAt(server().url, { tokenEndpoint: `${server().url}/oauth/token`, ...more });
      const tokens = createTokenSource({ cache: memoryTokenCache(), http, now: () => NOW });
      return createPeerClient({ payer, http, tokens, now: () => NOW, ...(signal && { signal }) });
    },
    asked: () => server().seen.filter(({ path }) => path !== '/oauth/token'),
    seen: () => server().seen,
  };
  beforeEach(async () => {
    let issued = 0;
    bench.answer = failing;
    running.server = await tinyServer((request, response) => {
      if (request.path !== '/oauth/token') return bench.answer(request, response);
      return json(response, 200, { access_token: `token-${++issued}`, token_type: 'bearer', expires_in: 300 });
    });
  });
  afterEach(async () => server().close());
  afterAll(async () => http.close());
  return bench;
}

export const outcome = (code: string, more: Record<string, unknown> = {}): unknown => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'error', code, ...more }],
});
