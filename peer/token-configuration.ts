import { allowInsecureRequests, Configuration, customFetch } from 'openid-client';
import type { ClientAuth, CustomFetch, ServerMetadata } from 'openid-client';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { readRefusal, readText, refusalError } from './answer.ts';
import { clientAuthentication } from './client-authentication.ts';
import { findTokenEndpoint } from './discovery.ts';
import type { PeerHttp } from './http.ts';

export interface ConfigurationDeps {
  readonly http: PeerHttp;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What the library needs for requests at the payer's token endpoint: our client, and our way out. */
export async function tokenConfiguration(payer: OidcServer, deps: ConfigurationDeps): Promise<Configuration> {
  const endpoint = await findTokenEndpoint(deps.http, payer, deps.now);
  const authentication = await clientAuthentication(payer, endpoint);
  return configurationOf(payer, deps, {
    server: { issuer: payer.issuer, token_endpoint: endpoint.url },
    ...{ clientId: payer.clientId, authentication },
  });
}

export interface ConfigurationParts {
  readonly server: ServerMetadata;
  readonly clientId: string;
  readonly authentication: ClientAuth;
}

export function configurationOf(
  payer: OidcServer,
  { http, now }: ConfigurationDeps,
  { server, clientId, authentication }: ConfigurationParts,
): Configuration {
  const configuration = new Configuration(server, clientId, undefined, authentication);
  configuration[customFetch] = fetchThrough(http, payer, now);
  if (new URL(payer.fhirEndpoint).protocol === 'http:') allowInsecureRequests(configuration);
  return configuration;
}

/** Lets the library send its request by our way out; what may pass is told apart before it looks at the answer. */
function fetchThrough(http: PeerHttp, payer: OidcServer, now: () => number): CustomFetch {
  return async (url, { method, headers, body }) => {
    const response = await http.fetch(payer, {
      method: method === 'POST' ? 'POST' : 'GET',
      url,
      headers: { ...headers, accept: 'application/json' },
      ...(body !== undefined && body !== null && { body: bodyOf(body) }),
      purpose: 'authorization',
    });
    if (response.status >= 500 || response.status === 429 || response.status === 408) {
      throw refusalError(await readRefusal(response, now()), 'token-refused');
    }
    const text = await readText(response);
    const kept = ['content-type', 'www-authenticate'].flatMap((name) => {
      const value = response.header(name);
      return value === undefined ? [] : [[name, value] satisfies [string, string]];
    });
    return new Response(text === '' ? null : text, { status: response.status, headers: kept });
  };
}

/** The library posts forms. */
function bodyOf(body: NonNullable<Parameters<CustomFetch>[1]['body']>): string {
  return body instanceof URLSearchParams ? body.toString() : typeof body === 'string' ? body : '';
}
