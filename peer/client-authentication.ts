import { webcrypto } from 'node:crypto';
import { modifyAssertion, None, PrivateKeyJwt } from 'openid-client';
import type { ClientAuth } from 'openid-client';
import { z } from 'zod';
import { ExchangeError } from '../fhir/errors.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import type { TokenEndpoint } from './discovery.ts';

/** SMART allows five minutes; the rest is for clocks that differ. */
const ASSERTION_SECONDS = 180;

const privateKey = z.looseObject({
  kty: z.enum(['RSA', 'EC']),
  crv: z.string().optional(),
  kid: z.string().optional(),
  d: z.string(),
});

type Algorithm = { readonly name: string; readonly hash?: string; readonly namedCurve?: string };

/** SMART Backend Services: RS384 or ES384. */
const RS384: Algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' };
const ES384: Algorithm = { name: 'ECDSA', namedCurve: 'P-384' };

/**
 * How a definition's client shows who it is: a signed assertion where `privateJwk` is set, else the client secret,
 * else its id alone.
 * @throws ExchangeError `token-refused` when the key is none that SMART allows
 */
export async function clientAuthentication(payer: OidcServer, endpoint: TokenEndpoint): Promise<ClientAuth> {
  const { privateJwk, clientSecret } = payer;
  if (privateJwk !== undefined) return signedAssertion(privateJwk, endpoint.url);
  return secretAuthentication(clientSecret, endpoint.secretMethod);
}

/** By a secret; without one by the client id alone. */
export function secretAuthentication(secret: string | undefined, method: TokenEndpoint['secretMethod']): ClientAuth {
  if (secret === undefined) return None();
  return method === 'client_secret_post' ? secretPost(secret) : secretBasic(secret);
}

/** The library gives each assertion a `jti` of its own. */
async function signedAssertion(jwk: Readonly<Record<string, unknown>>, tokenEndpoint: string): Promise<ClientAuth> {
  const { key, kid } = await importKey(jwk);
  return PrivateKeyJwt(
    { key, ...(kid !== undefined && { kid }) },
    {
      [modifyAssertion]: (header, payload) => {
        header['typ'] = 'JWT';
        // SMART 2.2: exactly the token URL; the library's own choice is the issuer.
        payload['aud'] = tokenEndpoint;
        payload['exp'] = Number(payload['iat']) + ASSERTION_SECONDS;
        // A server whose clock is behind ours would refuse an assertion that is not valid yet.
        delete payload['nbf'];
      },
    },
  );
}

async function importKey(jwk: Readonly<Record<string, unknown>>): Promise<{ key: webcrypto.CryptoKey; kid?: string }> {
  const read = privateKey.safeParse(jwk);
  const isKnown = read.success && (read.data.kty === 'RSA' || read.data.crv === 'P-384');
  if (!isKnown) throw new ExchangeError('token-refused', { detail: 'privateJwk is no private RSA or P-384 key' });
  const { kty, kid } = read.data;
  // Members that say how else the key may be used would stop its import for this one.
  const { alg: _1, use: _2, key_ops: _3, ext: _4, ...material } = read.data;
  try {
    const algorithm = kty === 'RSA' ? RS384 : ES384;
    return { key: await webcrypto.subtle.importKey('jwk', material, algorithm, false, ['sign']), kid };
  } catch {
    // The cause may quote the key.
    throw new ExchangeError('token-refused', { detail: 'privateJwk is damaged' });
  }
}

/** RFC 6749, 2.3.1, without encoding what form encoding leaves as it is: some servers do not decode. */
function secretBasic(secret: string): ClientAuth {
  return (_server, client, _body, headers) => {
    const credentials = `${formEncoded(client.client_id)}:${formEncoded(secret)}`;
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  };
}

function secretPost(secret: string): ClientAuth {
  return (_server, client, body) => {
    body.set('client_id', client.client_id);
    body.set('client_secret', secret);
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
