import { randomBytes, randomUUID } from 'node:crypto';
import { Router } from 'express';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { createFhirApp } from '../../api/app.ts';
import { assertScope, authenticate, callerOfRequest, requireOperator } from '../../api/auth.ts';
import { bodyText } from '../../api/body.ts';
import { createAuthorizationServer } from '../../api/oauth/authorization-server.ts';
import { smartConfigurationRouter } from '../../api/oauth/discovery.ts';
import { endpointsOf } from '../../api/oauth/endpoints.ts';
import { sendText } from '../../api/outcome.ts';
import { createP2pApp } from '../../api/p2p/app.ts';
import { oidcClientsPart, oidcServersPart } from '../../api/p2p/oidc-definitions.ts';
import { preflightPart } from '../../api/p2p/preflight.ts';
import { createLogger } from '../../logger.ts';
import type { PrismaClient } from '../../prisma/generated/client.ts';
import { createSeal } from '../../seal.ts';
import type { EncryptionKey } from '../../seal.ts';
import { createOidcClients } from '../../store/oidc-clients.ts';
import { createOidcServers } from '../../store/oidc-servers.ts';
import { createPayerKnowledgeStore } from '../../store/payer-knowledge.ts';
import type { OidcClients, OidcServers } from '../../store/partners.ts';
import { createPrisma } from '../../store/prisma.ts';
import { createSigningKeys, publicKeys } from '../../store/signing-keys.ts';
import { createUsedAssertions } from '../../store/used-assertions.ts';
import { serveApp } from './serve.ts';
import type { ServedApp } from './serve.ts';

export const OPERATOR = { clientId: 'operator', clientSecret: 'operator-secret-0123456789' };
export const ENCRYPTION_KEYS: readonly EncryptionKey[] = [{ id: 'k1', key: randomBytes(32) }];

/** One api process of a payer: its authorization server, two routes behind a token, its P2P API. */
export interface Api {
  /** Of this process; the payer's own is `publicUrl`. */
  readonly url: string;
  readonly publicUrl: string;
  readonly p2pUrl: string;
  readonly prisma: PrismaClient;
  readonly servers: OidcServers;
  readonly clients: OidcClients;
  readonly logLines: readonly string[];
  stop(): Promise<void>;
}

export interface ApiOptions {
  readonly databaseUrl: string;
  /** Absent: the address of this process. */
  readonly publicUrl?: string;
  readonly tokenSeconds?: number;
}

export async function startApi({ databaseUrl, publicUrl, tokenSeconds = 300 }: ApiOptions): Promise<Api> {
  const prisma = createPrisma(databaseUrl, 10);
  const seal = createSeal(ENCRYPTION_KEYS);
  const logLines: string[] = [];
  const log = createLogger('trace', (line) => logLines.push(line));
  const clients = createOidcClients(prisma, seal);
  const servers = createOidcServers(prisma, seal);
  const signingKeys = await createSigningKeys(prisma, seal);
  // The address must be known before the app is made.
  const late: { app?: ReturnType<typeof createFhirApp> } = {};
  const served = await serveApp((req, res) => void late.app?.(req, res));
  const endpoints = endpointsOf(publicUrl ?? served.url);
  const bearer = authenticate({
    issuer: endpoints.issuer,
    audience: endpoints.fhir,
    operatorClientId: OPERATOR.clientId,
    publicKeys: publicKeys(signingKeys),
    client: clients.find,
  });
  late.app = createFhirApp({
    authorizationServer: createAuthorizationServer({
      ...{ endpoints, signingKeys, tokenSeconds, log },
      operator: OPERATOR,
      client: clients.find,
      usedAssertions: createUsedAssertions(prisma),
    }),
    open: [smartConfigurationRouter(endpoints)],
    authenticate: bearer,
    protected: [probeRouter()],
    log,
  });
  const p2p: ServedApp = await serveApp(
    createP2pApp({
      authenticate: bearer,
      parts: [
        oidcServersPart(servers),
        preflightPart(servers, createPayerKnowledgeStore(prisma)),
        oidcClientsPart(clients, OPERATOR.clientId),
      ],
      open: [],
      version: '0.0.0',
      tokenEndpoint: endpoints.token,
      log,
    }),
  );
  return {
    ...{ prisma, servers, clients, logLines },
    url: served.url,
    publicUrl: endpoints.issuer,
    p2pUrl: p2p.url,
    async stop() {
      await served.close();
      await p2p.close();
      await prisma.$disconnect();
    },
  };
}

function probeRouter(): Router {
  const router = Router();
  router.get('/whoami', (_req, res) => void res.json(callerOfRequest(res)));
  router.get('/operator-only', requireOperator, (_req, res) => void res.json({}));
  router.get('/observations', (_req, res) => {
    assertScope(callerOfRequest(res), 'Observation', 'rs');
    res.json({});
  });
  router.post('/echo', (req, res) => sendText(res, 200, bodyText(req)));
  return router;
}

export interface KeyPair {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function newKeyPair(alg: string, kid: string = randomUUID()): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid } };
}

/** Undefined: leave it out. */
export interface AssertionClaims {
  readonly iss?: string | undefined;
  readonly sub?: string | undefined;
  readonly aud?: string | string[] | undefined;
  readonly jti?: string | undefined;
  readonly exp?: number | undefined;
}

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** A client assertion as SMART 2.2 wants it, but for what `claims` says otherwise. */
export async function signAssertion(
  key: KeyPair,
  clientId: string,
  tokenEndpoint: string,
  claims: AssertionClaims = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const usual = { iss: clientId, sub: clientId, aud: tokenEndpoint, jti: randomUUID(), exp: inSeconds(120) };
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: key.alg, typ: 'JWT', kid: key.kid, ...header })
    .sign(key.privateKey);
}

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function postToken(
  url: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> {
  const response = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
    headers,
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as TokenAnswer['body'],
  };
}

export const assertionForm = (assertion: string, scope = 'system/*.rs'): Record<string, string> => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: assertion,
  scope,
});

export const basic = (clientId: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
});

export async function operatorToken(api: Api): Promise<string> {
  const { body } = await postToken(
    api.url,
    { scope: 'system/*.cruds carryover.admin' },
    basic(OPERATOR.clientId, OPERATOR.clientSecret),
  );
  return String(body['access_token']);
}
