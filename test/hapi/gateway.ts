import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { ASSERTION_ALGORITHM, SCOPES } from './authorization-server.ts';
import type { AuthorizationServer } from './authorization-server.ts';

export interface PassedRequest {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly status: number;
}

/** A reverse proxy in front of a FHIR server: nobody reads there without a token of the authorization server. */
export interface Gateway {
  /** Requests that had a token, and what the FHIR server said. */
  readonly passed: readonly PassedRequest[];
  stop(): Promise<void>;
}

export interface GatewayOptions {
  readonly port: number;
  readonly publicUrl: string;
  /** FHIR base behind the proxy; in front of it the path is the same. */
  readonly fhirServer: string;
  readonly authorization: AuthorizationServer;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const passed: PassedRequest[] = [];
  const server = createServer((req, res) => {
    // Either side may leave in the middle.
    route(options, passed, req, res).catch(() => res.destroy());
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  return {
    passed,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function route(
  options: GatewayOptions,
  passed: PassedRequest[],
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { authorization } = options;
  const { method = '', url = '' } = req;
  if (!url.startsWith('/fhir')) {
    await authorization.handle(req, res);
  } else if (url === '/fhir/.well-known/smart-configuration') {
    res.setHeader('content-type', 'application/json').end(JSON.stringify(smartConfiguration(options)));
  } else if (url !== '/fhir/metadata' && !(await isAuthorized(authorization, req))) {
    res.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
  } else {
    const status = await forward(options, req, res);
    passed.push({ method, path: url, status });
  }
}

function smartConfiguration({ publicUrl, authorization }: GatewayOptions): object {
  return {
    issuer: publicUrl,
    jwks_uri: `${publicUrl}${authorization.jwksPath}`,
    token_endpoint: `${publicUrl}${authorization.tokenPath}`,
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: [ASSERTION_ALGORITHM],
    grant_types_supported: ['client_credentials'],
    scopes_supported: SCOPES,
    capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
  };
}

async function isAuthorized(authorization: AuthorizationServer, req: IncomingMessage): Promise<boolean> {
  const [, token] = /^Bearer (\S+)$/.exec(req.headers.authorization ?? '') ?? [];
  const scope = token === undefined ? undefined : await authorization.scopeOf(token);
  return scope?.split(' ').some((each) => each.startsWith('system/')) ?? false;
}

async function forward(options: GatewayOptions, req: IncomingMessage, res: ServerResponse): Promise<number> {
  const { authorization: _, ...headers } = req.headers;
  const target = new URL(options.fhirServer);
  const passedOn = request({
    ...{ hostname: target.hostname, port: target.port, method: req.method, path: req.url },
    headers: { ...headers, 'x-forwarded-host': new URL(options.publicUrl).host, 'x-forwarded-proto': 'http' },
  });
  const answer = once(passedOn, 'response') as Promise<[IncomingMessage]>;
  await Promise.all([pipeline(req, passedOn), answer]);
  const [response] = await answer;
  res.writeHead(response.statusCode ?? 502, response.headers);
  await pipeline(response, res);
  return response.statusCode ?? 502;
}
