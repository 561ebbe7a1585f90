import { randomBytes } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK, JWTPayload } from 'jose';
import { Provider } from 'oidc-provider';
import type { ClientMetadata, KoaContextWithOIDC } from 'oidc-provider';
import { serveApp } from './serve.ts';

export const PORTAL_CLIENT = { clientId: 'portal-of-new-payer', clientSecret: 'portal-secret-0123456789-0123456789' };
export const INTROSPECTION_CLIENT = { clientId: 'introspector', clientSecret: 'introspection-secret-0123456789' };
export const REDIRECT_URI = 'https://portal.example/callback';
export const MEMBER_SCOPES = 'openid offline_access launch/patient patient/*.rs';

/** What this server does otherwise than it should. */
export interface Faults {
  /** Of the ID token: another nonce, or a signature by a key that is none of its own. */
  idToken: 'nonce' | 'signature' | undefined;
}

export interface IssuedAccess {
  readonly token: string;
  readonly patientId: string;
  readonly scope: string;
  readonly expiresInSeconds: number;
}

/** The authorization server of a responding payer where members sign in (the npm package oidc-provider, unchanged). */
export interface MemberLogin {
  readonly issuer: string;
  readonly jwks: { readonly keys: readonly JWK[] };
  readonly faults: Faults;
  /** Grant types of the token requests that were answered, oldest first. */
  readonly grants: readonly string[];
  close(): Promise<void>;
}

export interface MemberLoginOptions {
  /** The Patient of an account at this payer. */
  readonly patientOf: (account: string) => string;
  readonly onAccess: (issued: IssuedAccess) => void;
}

export async function startMemberLogin({ patientOf, onAccess }: MemberLoginOptions): Promise<MemberLogin> {
  const late: { handle?: ReturnType<Provider['callback']>; provider?: Provider } = {};
  const served = await serveApp((request, response) => {
    const { handle, provider } = late;
    if (handle === undefined || provider === undefined) response.destroy();
    else if (request.url?.startsWith('/interaction/') === true) void interact(provider, request, response);
    else void handle(request, response);
  });
  const keys = await signingKeys();
  const faults: Faults = { idToken: undefined };
  const grants: string[] = [];
  const provider = new Provider(served.url, configuration(keys.private));
  provider.use(async (context, next) => {
    await next();
    if (context.status !== 200) return;
    // Every request that the library answers has its context; the types of the middleware do not say so.
    const { oidc } = context as unknown as KoaContextWithOIDC;
    const body = context.body as Record<string, unknown>;
    if (oidc.route === 'introspection' && body['active'] === true) body['patient'] = patientOf(String(body['sub']));
    if (oidc.route === 'token') await answered(oidc, body, { patientOf, onAccess, faults, grants, keys });
  });
  Object.assign(late, { provider, handle: provider.callback() });
  return { issuer: served.url, jwks: { keys: [keys.public] }, faults, grants, close: served.close };
}

interface Keys {
  readonly private: JWK;
  readonly public: JWK;
  readonly key: CryptoKey;
}

async function signingKeys(): Promise<Keys> {
  const pair = await generateKeyPair('RS256', { extractable: true });
  const names = { kid: 'login-1', alg: 'RS256', use: 'sig' };
  return {
    private: { ...(await exportJWK(pair.privateKey)), ...names },
    public: { ...(await exportJWK(pair.publicKey)), ...names },
    key: pair.privateKey,
  };
}

function configuration(privateJwk: JWK): ConstructorParameters<typeof Provider>[1] {
  const portal: ClientMetadata = {
    ...{ client_id: PORTAL_CLIENT.clientId, client_secret: PORTAL_CLIENT.clientSecret },
    ...{ grant_types: ['authorization_code', 'refresh_token', 'implicit'], redirect_uris: [REDIRECT_URI] },
    response_types: ['code', 'code id_token'],
  };
  const introspector: ClientMetadata = {
    ...{ client_id: INTROSPECTION_CLIENT.clientId, client_secret: INTROSPECTION_CLIENT.clientSecret },
    ...{ grant_types: [], redirect_uris: [], response_types: [] },
  };
  return {
    clients: [portal, introspector],
    jwks: { keys: [privateJwk] },
    scopes: MEMBER_SCOPES.split(' '),
    responseTypes: ['code', 'code id_token'],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
    },
    ttl: {
      AccessToken: 300,
      AuthorizationCode: 60,
      IdToken: 300,
      Interaction: 300,
      Session: 300,
      Grant: 3600,
      RefreshToken: 3600,
    },
  };
}

type Parts = MemberLoginOptions & { readonly faults: Faults; readonly grants: string[]; readonly keys: Keys };

/** SMART App Launch: the answer names the patient. */
async function answered(
  { account, params }: KoaContextWithOIDC['oidc'],
  body: Record<string, unknown>,
  parts: Parts,
): Promise<void> {
  const patientId = parts.patientOf(String(account?.accountId));
  body['patient'] = patientId;
  parts.grants.push(String(params?.['grant_type']));
  parts.onAccess({
    ...{ token: String(body['access_token']), patientId, scope: String(body['scope']) },
    expiresInSeconds: Number(body['expires_in']),
  });
  if (parts.faults.idToken !== undefined && typeof body['id_token'] === 'string') {
    body['id_token'] = await falsified(body['id_token'], parts.faults.idToken, parts.keys);
  }
}

async function falsified(token: string, fault: 'nonce' | 'signature', keys: Keys): Promise<string> {
  const claims: JWTPayload = { ...decodeJwt(token), ...(fault === 'nonce' && { nonce: 'of-another-request' }) };
  const header = decodeProtectedHeader(token);
  const key = fault === 'signature' ? (await generateKeyPair('RS256')).privateKey : keys.key;
  return new SignJWT(claims).setProtectedHeader({ ...header, alg: 'RS256' }).sign(key);
}

type Incoming = Parameters<Provider['interactionDetails']>[0];
type Outgoing = Parameters<Provider['interactionDetails']>[1];

/** A page that asks, and what its form answers: who the member is, then whether the portal may. */
async function interact(provider: Provider, request: Incoming, response: Outgoing): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/plain' }).end(prompt.name);
    return;
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
  if (form.get('answer') === 'deny') {
    await provider.interactionFinished(request, response, { error: 'access_denied' });
    return;
  }
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: String(form.get('account')) } });
    return;
  }
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const grant =
    known ?? new provider.Grant({ accountId: String(session?.accountId), clientId: String(params['client_id']) });
  grant.addOIDCScope(String(params['scope']));
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}
