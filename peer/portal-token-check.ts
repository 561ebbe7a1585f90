import { createLocalJWKSet, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import { tokenIntrospection } from 'openid-client';
import type { IntrospectionResponse } from 'openid-client';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { findAuthorizationServer, introspectionConfiguration } from './authorization-server.ts';
import type { ConfigurationDeps } from './token-configuration.ts';
import { namedMember, readCustomParams, usedUntil } from './token.ts';
import { tokenError } from './token-error.ts';

/** What is known of an access token that somebody else obtained. */
export interface TokenFacts {
  /** Epoch milliseconds; absent where nothing says so. */
  readonly expiresAt?: number;
  readonly scope?: string;
  readonly patient?: string;
  readonly custom: Readonly<Record<string, string>>;
}

/**
 * Verifies and introspects a token that a portal passes on, as far as the payer's definition asks for it: a JWT by
 * `jwks`, any token at the introspection endpoint where `introspectionClientId` is set. Nothing of a token is believed
 * that was neither verified nor introspected.
 * @throws ExchangeError `token-refused` for a token that is none of this payer's, or no longer good; what may pass
 */
export async function checkAccessToken(
  payer: OidcServer,
  accessToken: string,
  deps: ConfigurationDeps,
): Promise<TokenFacts> {
  const claims = payer.jwks === undefined ? undefined : await verifiedClaims(accessToken, payer.jwks, deps.now());
  const said = payer.introspectionClientId === undefined ? undefined : await introspected(payer, accessToken, deps);
  return factsOf({ ...claims, ...said }, payer, deps.now());
}

/** Undefined for a token that is no JWT. */
async function verifiedClaims(
  token: string,
  jwks: NonNullable<OidcServer['jwks']>,
  now: number,
): Promise<JWTPayload | undefined> {
  if (!isJwt(token)) return undefined;
  try {
    return (await jwtVerify(token, createLocalJWKSet(jwks), { currentDate: new Date(now) })).payload;
  } catch (error) {
    // The cause may quote claims.
    const code = error instanceof errors.JOSEError ? error.code : 'unknown';
    throw new ExchangeError('token-refused', { detail: `the token of the portal: ${code}` });
  }
}

function isJwt(token: string): boolean {
  try {
    return token.split('.').length === 3 && decodeProtectedHeader(token).alg !== undefined;
  } catch {
    return false;
  }
}

async function introspected(
  payer: OidcServer,
  token: string,
  deps: ConfigurationDeps,
): Promise<IntrospectionResponse | undefined> {
  const configuration = introspectionConfiguration(payer, await findAuthorizationServer(payer, deps), deps);
  if (configuration === undefined) return undefined;
  let answer: IntrospectionResponse;
  try {
    answer = await tokenIntrospection(configuration, token, { token_type_hint: 'access_token' });
  } catch (error) {
    throw tokenError(error, [token]);
  }
  if (answer.active) return answer;
  throw new ExchangeError('token-refused', { detail: 'the token of the portal is not active' });
}

function factsOf(said: Readonly<Record<string, unknown>>, payer: OidcServer, now: number): TokenFacts {
  const { exp, scope } = said;
  return {
    ...(typeof exp === 'number' && { expiresAt: usedUntil(exp - now / 1000, now) }),
    ...(typeof scope === 'string' && { scope }),
    ...namedMember(said, readCustomParams(payer.customTokenParams).read),
  };
}
