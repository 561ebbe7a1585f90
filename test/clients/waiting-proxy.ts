import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeJwt } from 'jose';

export interface PassedRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly status: number;
}

/** Stands in front of a payer and passes on what comes, as it is. */
export interface WaitingProxy {
  readonly passed: readonly PassedRequest[];
  /** Set: a manifest is handed out when the token that it was asked for with has expired. */
  holdsManifests: boolean;
  stop(): Promise<void>;
}

export async function startWaitingProxy(port: number, payerPort: number): Promise<WaitingProxy> {
  const passed: PassedRequest[] = [];
  const server = createServer((req, res) => {
    // Either side may leave in the middle.
    pass(req, res).catch(() => res.destroy());
  });
  const proxy: WaitingProxy = {
    ...{ passed, holdsManifests: false },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function pass(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = req;
    const onward = request({ hostname: '127.0.0.1', port: payerPort, method, path: url, headers });
    const answer = once(onward, 'response') as Promise<[IncomingMessage]>;
    await Promise.all([pipeline(req, onward), answer]);
    const [response] = await answer;
    const status = response.statusCode ?? 502;
    const path = url.split('?')[0] ?? '';
    passed.push({ method, path, status });
    const isManifest = method === 'GET' && path.includes('/export-status/') && status === 200;
    if (isManifest && proxy.holdsManifests) await expiry(headers.authorization ?? '');
    res.writeHead(status, response.headers);
    await pipeline(response, res);
  }

  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return proxy;
}

/** By what the token says of itself. */
async function expiry(authorization: string): Promise<void> {
  const { exp = 0 } = decodeJwt(authorization.replace(/^Bearer /, ''));
  while (Date.now() < exp * 1000) await delay(100);
}
