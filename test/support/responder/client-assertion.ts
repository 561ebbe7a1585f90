import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWK, JWTPayload, ProtectedHeaderParameters } from 'jose';
import type { ClientRegistration, State } from './state.ts';

const MAX_AHEAD_SECONDS = 300;
const KEY_TYPES: Record<string, string> = { RS384: 'RSA', ES384: 'EC' };

/** Why an assertion was refused; becomes the `error_description` of invalid_client. */
export class AssertionRefused extends Error {}

/**
 * Checks a SMART `private_key_jwt` assertion (SMART 2.2, client-confidential-asymmetric) and uses up its jti.
 * @throws AssertionRefused
 */
export async function authenticateByAssertion(state: State, assertion: string): Promise<ClientRegistration> {
  const { header, claims } = decode(assertion);
  const client = state.clients.get(claims.iss ?? '');
  if (!client) throw new AssertionRefused('iss is no registered client');
  if (claims.sub !== client.clientId) throw new AssertionRefused('sub differs from iss');
  if (claims.aud !== state.tokenEndpoint) throw new AssertionRefused('aud is not the token endpoint');
  checkExpiry(claims);
  const algorithm = header.alg ?? '';
  if (!state.behaviour.token.algorithms.some((each) => each === algorithm)) {
    throw new AssertionRefused('alg is not supported');
  }
  if (header.typ !== 'JWT') throw new AssertionRefused('typ is not JWT');
  const key = pickKey(await keysOf(client, header), header);
  try {
    await jwtVerify(assertion, await importJWK(key, algorithm), { algorithms: [algorithm], typ: 'JWT' });
  } catch {
    // jose names the cause; a token endpoint tells the caller no more than this.
    throw new AssertionRefused('signature or claims do not verify');
  }
  useUp(state, client.clientId, claims.jti);
  return client;
}

function decode(assertion: string): { header: ProtectedHeaderParameters; claims: JWTPayload } {
  try {
    return { header: decodeProtectedHeader(assertion), claims: decodeJwt(assertion) };
  } catch {
    throw new AssertionRefused('not a JWT');
  }
}

function checkExpiry(claims: JWTPayload): void {
  const now = Date.now() / 1000;
  if (typeof claims.exp !== 'number') throw new AssertionRefused('exp is missing');
  if (claims.exp <= now) throw new AssertionRefused('exp is past');
  if (claims.exp > now + MAX_AHEAD_SECONDS) throw new AssertionRefused('exp is more than five minutes ahead');
}

async function keysOf(client: ClientRegistration, header: ProtectedHeaderParameters): Promise<JWK[]> {
  const jku: unknown = header['jku'];
  if (jku !== undefined && jku !== client.jwksUrl) throw new AssertionRefused('jku is not the registered URL');
  if (client.jwks) return client.jwks.keys;
  if (!client.jwksUrl) throw new AssertionRefused('client has no keys');
  const answer = await fetch(client.jwksUrl, { headers: { accept: 'application/json' } });
  if (!answer.ok) throw new AssertionRefused('JWKS could not be read');
  const keys = (await answer.json()) as JSONWebKeySet;
  return keys.keys;
}

/** Exactly one key by kid and kty, otherwise a failure. */
function pickKey(keys: JWK[], header: ProtectedHeaderParameters): JWK {
  const kid: unknown = header['kid'];
  if (typeof kid !== 'string') throw new AssertionRefused('kid is missing');
  const [key, ...others] = keys.filter((each) => each.kid === kid && each.kty === KEY_TYPES[header.alg ?? '']);
  if (!key || others.length > 0) throw new AssertionRefused('kid does not select one key');
  if ('d' in key) throw new AssertionRefused('a private key is registered');
  return key;
}

function useUp(state: State, clientId: string, jti: string | undefined): void {
  if (!jti) throw new AssertionRefused('jti is missing');
  const used = `${clientId} ${jti}`;
  if (state.usedAssertions.has(used)) throw new AssertionRefused('jti was used before');
  state.usedAssertions.add(used);
}
