import { Router } from 'express';
import type { RequestHandler } from 'express';
import { errors, Provider } from 'oidc-provider';
import type { Configuration, JWK } from 'oidc-provider';
import { publicKeys, SIGNING_ALGORITHM } from '../../store/signing-keys.ts';
import type { SigningKey } from '../../store/signing-keys.ts';
import type { UsedAssertions } from '../../store/used-assertions.ts';
import { asExchangeError, setErrorHead } from '../outcome.ts';
import type { ErrorLog } from '../outcome.ts';
import { adapterFactory, ALLOWED_SCOPES } from './client-adapter.ts';
import type { OperatorClient, ClientAdapterDeps } from './client-adapter.ts';
import { grantClientCredentials } from './client-credentials.ts';
import { discoveryRouter } from './discovery.ts';
import { ASSERTION_ALGORITHMS, CLIENT_AUTHENTICATION_METHODS, JWKS_PATH, TOKEN_PATH } from './endpoints.ts';
import type { Endpoints } from './endpoints.ts';
import { authenticationFailure } from './oauth-errors.ts';
import { createRemoteKeys } from './remote-keys.ts';

export interface AuthorizationServerDeps {
  readonly endpoints: Endpoints;
  readonly operator: OperatorClient;
  readonly client: ClientAdapterDeps['client'];
  /** The newest signs. */
  readonly signingKeys: readonly SigningKey[];
  readonly usedAssertions: UsedAssertions;
  readonly tokenSeconds: number;
  readonly log: ErrorLog;
}

/** SMART 2.2: an assertion lives no longer than five minutes. */
const ASSERTION_SECONDS = 300;
/** Between our clock and a partner's. */
const CLOCK_SECONDS = 15;

/**
 * OAuth 2.0 client credentials by SMART Backend Services, for partners and the operator. All that matters is in the
 * database: processes of one payer may take turns.
 */
export function createAuthorizationServer(deps: AuthorizationServerDeps): RequestHandler {
  const provider = createProvider(deps);
  const handle = provider.callback();
  const router = Router();
  router.use(discoveryRouter(deps.endpoints));
  router.post(TOKEN_PATH, (req, res) => handle(req, res));
  const jwks = publicKeys(deps.signingKeys);
  router.get(JWKS_PATH, (_req, res) => {
    res.json(jwks);
  });
  return router;
}

function createProvider(deps: AuthorizationServerDeps): Provider {
  const { endpoints, log, signingKeys, tokenSeconds } = deps;
  const provider = new Provider(endpoints.issuer, configuration(deps));
  // The library would also accept the issuer, and would take the token URL from the Host header.
  provider.OIDCContext.prototype.clientJwtAuthExpectedAudience = () => new Set([endpoints.token]);
  const kid = signingKeys[0]?.kid;
  provider.registerGrantType(
    'client_credentials',
    grantClientCredentials({ provider, audience: endpoints.fhir, kid, tokenSeconds }),
    ['scope'],
  );
  provider.use(authenticationFailure);
  provider.on('server_error', (ctx, thrown: unknown) => {
    const error = asExchangeError(thrown);
    log.error('token-request-failed', { code: error.code, requestId: ctx.response.get('X-Request-Id'), error: thrown });
    if (error.code !== 'unavailable') return;
    ctx.status = setErrorHead(ctx.res, error);
    ctx.body = { error: 'temporarily_unavailable', error_description: error.message };
  });
  // Else Koa prints what it could not answer, messages and all.
  provider.silent = true;
  return provider;
}

function configuration(deps: AuthorizationServerDeps): Configuration {
  const { operator, client, signingKeys, tokenSeconds, log } = deps;
  return {
    adapter: adapterFactory({
      ...{ operator, client },
      remoteKeys: createRemoteKeys(Date.now),
      onKeysMissing: (error) => {
        log.error('client-keys-missing', { error });
      },
    }),
    jwks: { keys: signingKeys.map((key): JWK => ({ ...key })) },
    routes: { token: TOKEN_PATH, jwks: JWKS_PATH },
    clientAuthMethods: [...CLIENT_AUTHENTICATION_METHODS],
    enabledJWA: {
      clientAuthSigningAlgValues: [...ASSERTION_ALGORITHMS],
      idTokenSigningAlgValues: [SIGNING_ALGORITHM],
    },
    clientDefaults: {
      grant_types: ['client_credentials'],
      response_types: [],
      id_token_signed_response_alg: SIGNING_ALGORITHM,
    },
    extraClientMetadata: { properties: [ALLOWED_SCOPES] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    responseTypes: [],
    ttl: { ClientCredentials: tokenSeconds },
    clockTolerance: CLOCK_SECONDS,
    clientBasedCORS: () => false,
    renderError: (ctx, out) => {
      ctx.type = 'json';
      ctx.body = out;
    },
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims) => assertFirstUse(claims, deps.usedAssertions),
  };
}

/**
 * Runs once the signature is verified. The library's own replay detection looks first and writes then: it would let
 * two of the same time through.
 */
async function assertFirstUse(claims: Readonly<Record<string, unknown>>, used: UsedAssertions): Promise<void> {
  const { iss, sub, jti, exp } = claims;
  const now = Date.now() / 1000;
  if (typeof exp !== 'number' || exp > now + ASSERTION_SECONDS + CLOCK_SECONDS) {
    throw new errors.InvalidClientAuth('exp must be at most five minutes ahead');
  }
  if (typeof iss !== 'string' || typeof jti !== 'string' || sub !== iss) {
    throw new errors.InvalidClientAuth('iss, sub and jti must be strings, iss and sub the client_id');
  }
  const isFirst = await used.use(iss, jti, new Date((exp + 2 * CLOCK_SECONDS) * 1000));
  if (!isFirst) throw new errors.InvalidClientAuth('the assertion was used before');
}
