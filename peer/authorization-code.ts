import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  enableNonRepudiationChecks,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  useCodeIdTokenResponseType,
} from 'openid-client';
import type { Configuration } from 'openid-client';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { memberConfiguration, findAuthorizationServer } from './authorization-server.ts';
import { fhirBase } from './discovery.ts';
import { checkAccessToken } from './portal-token-check.ts';
import type { TokenFacts } from './portal-token-check.ts';
import type { ConfigurationDeps } from './token-configuration.ts';
import { namedMember, readCustomParams, usedUntil } from './token.ts';
import { tokenError } from './token-error.ts';

/** What only the requesting side knows of an authorization request, until its answer comes. */
export interface PendingAuthorization {
  readonly state: string;
  readonly codeVerifier: string;
  readonly nonce: string;
  readonly redirectUri: string;
  readonly scope: string;
}

/** Parameters of an authorization response (RFC 6749, 4.1.2; RFC 9207; OpenID Connect Core, 3.3.2.5). */
export interface AuthorizationResponse {
  readonly code: string;
  readonly iss?: string | undefined;
  readonly id_token?: string | undefined;
}

export interface MemberTokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Epoch milliseconds. */
  readonly expiresAt: number | undefined;
  readonly scope: string;
  /** Id of the member at the payer, where the answer or the token itself says it. */
  readonly patientId: string | undefined;
}

export interface AuthorizationCode {
  /**
   * @throws ExchangeError `request-unprocessable` for a response type without a code, and where members cannot sign in;
   * `token-refused`; what may pass
   */
  request(
    payer: OidcServer,
    wish: { readonly redirectUri: string; readonly scope?: string | undefined },
  ): Promise<{ readonly url: string; readonly pending: PendingAuthorization }>;
  /** @throws ExchangeError `token-refused` for a code, an ID token or a token that is not good; what may pass */
  exchange(payer: OidcServer, pending: PendingAuthorization, response: AuthorizationResponse): Promise<MemberTokens>;
}

/** The authorization code flow of a member (OpenID Connect Core, 3.1 and 3.3; RFC 7636; SMART App Launch). */
export function createAuthorizationCode(deps: ConfigurationDeps): AuthorizationCode {
  return {
    async request(payer, { redirectUri, scope = payer.scopes }) {
      assertCode(payer);
      const server = await findAuthorizationServer(payer, deps);
      if (server.authorization_endpoint === undefined) {
        throw new ExchangeError('request-unprocessable', {
          diagnostics:
            'A payer whose discovery documents name an authorization endpoint: members cannot sign in at this one.',
        });
      }
      const configuration = await memberConfiguration(payer, server, deps);
      const pending = {
        ...{ state: randomState(), nonce: randomNonce(), codeVerifier: randomPKCECodeVerifier() },
        ...{ redirectUri, scope },
      };
      const url = buildAuthorizationUrl(configuration, {
        ...{ response_type: payer.responseType ?? 'code', redirect_uri: redirectUri, scope, state: pending.state },
        code_challenge: await calculatePKCECodeChallenge(pending.codeVerifier),
        code_challenge_method: 'S256',
        // SMART App Launch: the resource server that the token is for.
        aud: fhirBase(payer),
        ...(hasIdToken(payer, scope) && { nonce: pending.nonce }),
        // OpenID Connect Core, section 11.
        ...(scope.split(' ').includes('offline_access') && { prompt: 'consent' }),
      });
      return { url: url.href, pending };
    },
    async exchange(payer, pending, response) {
      const configuration = await memberConfiguration(payer, await findAuthorizationServer(payer, deps), deps);
      const answer = await grant(configuration, payer, pending, response).catch((error: unknown) => {
        throw tokenError(error, [response.code, pending.codeVerifier]);
      });
      if (answer.token_type !== 'bearer')
        throw new ExchangeError('peer-invalid', { detail: 'the token is no bearer token' });
      const said = namedMember(answer, readCustomParams(payer.customTokenParams).read);
      const facts = await checkAccessToken(payer, answer.access_token, deps);
      const { expires_in: lifetime } = answer;
      return {
        ...{ accessToken: answer.access_token, refreshToken: answer.refresh_token },
        expiresAt: lifetime === undefined ? facts.expiresAt : usedUntil(lifetime, deps.now()),
        scope: answer.scope ?? facts.scope ?? pending.scope,
        patientId: memberIn(said) ?? memberIn(facts),
      };
    },
  };
}

/** A name that the operator has configured says more than the standard's. */
function memberIn({ custom, patient }: Pick<TokenFacts, 'custom' | 'patient'>): string | undefined {
  return Object.values(custom)[0] ?? patient;
}

/** Every token is obtained for a code: one that came through the browser is not used. */
function assertCode({ responseType = 'code' }: OidcServer): void {
  if (responseType.split(' ').includes('code')) return;
  throw new ExchangeError('request-unprocessable', {
    diagnostics: 'The responseType of the definition must include code.',
  });
}

function hasIdToken({ responseType = 'code' }: OidcServer, scope: string): boolean {
  return responseType.includes('id_token') || scope.split(' ').includes('openid');
}

async function grant(
  configuration: Configuration,
  payer: OidcServer,
  { state, nonce, codeVerifier, redirectUri, scope }: PendingAuthorization,
  { code, iss, id_token: idToken }: AuthorizationResponse,
): ReturnType<typeof authorizationCodeGrant> {
  const isHybrid = payer.responseType?.includes('id_token') === true;
  if (isHybrid) useCodeIdTokenResponseType(configuration);
  enableNonRepudiationChecks(configuration);
  const url = new URL(redirectUri);
  const parameters = new URLSearchParams({
    ...{ code, state },
    ...(iss !== undefined && { iss }),
    ...(isHybrid && idToken !== undefined && { id_token: idToken }),
  });
  if (isHybrid) url.hash = parameters.toString();
  else url.search = parameters.toString();
  const isOpenId = hasIdToken(payer, scope);
  return authorizationCodeGrant(configuration, url, {
    ...{ pkceCodeVerifier: codeVerifier, expectedState: state, idTokenExpected: isOpenId },
    ...(isOpenId && { expectedNonce: nonce }),
  });
}
