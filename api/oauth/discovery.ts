import { Router } from 'express';
import { ASSERTION_ALGORITHMS, CLIENT_AUTHENTICATION_METHODS, SCOPES } from './endpoints.ts';
import type { Endpoints } from './endpoints.ts';

/** What SMART configuration and OAuth metadata say alike. */
const shared = ({ issuer, token, jwks }: Endpoints) => ({
  issuer,
  jwks_uri: jwks,
  token_endpoint: token,
  token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION_METHODS,
  token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  grant_types_supported: ['client_credentials'],
  scopes_supported: SCOPES,
});

/** RFC 8414 and OpenID Connect Discovery, as far as a server without users can have them. */
export function metadataOfServer(endpoints: Endpoints): object {
  return { ...shared(endpoints), response_types_supported: [] };
}

/** SMART App Launch 2.2, conformance: below the FHIR base URL. */
export function smartConfiguration(endpoints: Endpoints): object {
  return {
    ...shared(endpoints),
    capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
  };
}

/** At the root. */
export function discoveryRouter(endpoints: Endpoints): Router {
  const router = Router();
  router.get(['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'], (_req, res) => {
    res.json(metadataOfServer(endpoints));
  });
  return router;
}

/** Below `/fhir`, without a token; always JSON, whatever `Accept` says. */
export function smartConfigurationRouter(endpoints: Endpoints): Router {
  const router = Router();
  router.get('/.well-known/smart-configuration', (_req, res) => {
    res.json(smartConfiguration(endpoints));
  });
  return router;
}
