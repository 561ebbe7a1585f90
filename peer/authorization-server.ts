import type { ClientAuth, Configuration, ServerMetadata } from 'openid-client';
import { setJwksCache } from 'openid-client';
import { z } from 'zod';
import { ExchangeError } from '../fhir/errors.ts';
import { normalIssuer } from '../fhir/oidc-definitions.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { clientAuthentication, secretAuthentication } from './client-authentication.ts';
import { getDocument, openIdConfigurationUrl, secretMethod, smartConfigurationUrl } from './discovery.ts';
import { configurationOf } from './token-configuration.ts';
import type { ConfigurationDeps } from './token-configuration.ts';

/** OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2; SMART App Launch, conformance. */
const metadata = z.looseObject({
  issuer: z.url().optional(),
  authorization_endpoint: z.url().optional(),
  token_endpoint: z.url().optional(),
  jwks_uri: z.url().optional(),
  introspection_endpoint: z.url().optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  introspection_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  id_token_signing_alg_values_supported: z.array(z.string()).optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
});
export type AuthorizationServer = Readonly<z.infer<typeof metadata>>;

/**
 * What the authorization server where members sign in says of itself, from the documents that the definition leads to:
 * `authWellKnown` alone where that is given, else the SMART configuration and the issuer's OpenID configuration, the first
 * that names an authorization endpoint; what it leaves out comes from the other where both mean the same server.
 * @throws ExchangeError `token-refused` where the issuer's own document is another issuer's
 */
export async function findAuthorizationServer(
  payer: OidcServer,
  { http, now }: ConfigurationDeps,
): Promise<AuthorizationServer> {
  const { authWellKnown } = payer;
  const own = openIdConfigurationUrl(payer);
  const urls = authWellKnown === undefined ? [smartConfigurationUrl(payer), own] : [authWellKnown];
  const found: AuthorizationServer[] = [];
  for (const url of urls) {
    const read = metadata.safeParse(await getDocument(http, payer, url, now));
    if (!read.success) continue;
    const { issuer } = read.data;
    // A document that the definition names itself may speak for another issuer: there the operator has decided.
    if (url === own && issuer !== undefined && normalIssuer(issuer) !== normalIssuer(payer.issuer)) {
      throw new ExchangeError('token-refused', { detail: "the issuer's document is another issuer's" });
    }
    found.push(read.data);
  }
  const main = found.find((each) => each.authorization_endpoint !== undefined) ?? found[0] ?? {};
  const same = found.filter((each) => each.token_endpoint === main.token_endpoint);
  return Object.assign({}, ...same, main) as AuthorizationServer;
}

/** The library's configuration for our client at this server; what it signed is verified, with the definition's keys first. */
export async function memberConfiguration(
  payer: OidcServer,
  server: AuthorizationServer,
  deps: ConfigurationDeps,
): Promise<Configuration> {
  const endpoint = payer.tokenEndpoint ?? server.token_endpoint;
  if (endpoint === undefined) {
    throw new ExchangeError('token-refused', { detail: 'no discovery document names a token endpoint' });
  }
  const methods = server.token_endpoint_auth_methods_supported;
  const authentication = await clientAuthentication(payer, { url: endpoint, secretMethod: secretMethod(methods) });
  const configuration = configurationOf(payer, deps, {
    server: { ...stated(server, payer), token_endpoint: endpoint },
    ...{ clientId: payer.clientId, authentication },
  });
  if (payer.jwks !== undefined) setJwksCache(configuration, { jwks: payer.jwks, uat: Math.floor(deps.now() / 1000) });
  return configuration;
}

/** The configuration for introspection (RFC 7662), by the client that the definition has for it; undefined without one. */
export function introspectionConfiguration(
  payer: OidcServer,
  server: AuthorizationServer,
  deps: ConfigurationDeps,
): Configuration | undefined {
  const { introspectionClientId: clientId, introspectionClientSecret: secret } = payer;
  if (clientId === undefined) return undefined;
  if (server.introspection_endpoint === undefined) {
    throw new ExchangeError('token-refused', { detail: 'no discovery document names the introspection endpoint' });
  }
  const methods = server.introspection_endpoint_auth_methods_supported ?? server.token_endpoint_auth_methods_supported;
  const authentication: ClientAuth = secretAuthentication(secret, secretMethod(methods));
  return configurationOf(payer, deps, { server: stated(server, payer), clientId, authentication });
}

/** Members that the library reads. */
function stated(server: AuthorizationServer, payer: OidcServer): ServerMetadata {
  const { issuer = payer.issuer, authorization_endpoint, jwks_uri, introspection_endpoint } = server;
  return {
    ...{ issuer, authorization_endpoint, jwks_uri, introspection_endpoint },
    id_token_signing_alg_values_supported: server.id_token_signing_alg_values_supported,
    authorization_response_iss_parameter_supported: server.authorization_response_iss_parameter_supported,
  };
}
