import express from 'express';
import { assertionForm, newKeyPair, postToken, signAssertion, startApi } from './authorization.ts';
import type { Api, AssertionClaims, KeyPair, TokenAnswer } from './authorization.ts';
import { createTestDatabase } from './environment.ts';
import { serveApp } from './serve.ts';

/** Of the client `by-secret`. */
export const SECRET = 'sentinel-secret+with/base64=';

/** What a client is told that does not show who it is. */
export const REFUSED = { error: 'invalid_client', error_description: 'client authentication failed' };

/** Two processes of one payer, where a client is registered for each way to show who it is. */
export interface PayerWithClients {
  /** The one that PUBLIC_URL names. */
  readonly api: Api;
  readonly second: Api;
  /** The keys of `by-jwks` and `by-url`. */
  readonly rsa: KeyPair;
  readonly ec: KeyPair;
  /** Of tokens, as the payer names it. */
  readonly endpoint: string;
  tokenFor(key: KeyPair, clientId: string, claims?: AssertionClaims): Promise<TokenAnswer>;
  /** A route behind a token, of the first process unless told otherwise. */
  get(path: string, token: string, url?: string): Promise<Response>;
  stop(): Promise<void>;
}

export async function startPayerWithClients(): Promise<PayerWithClients> {
  const database = await createTestDatabase();
  const api = await startApi({ databaseUrl: database.url });
  const second = await startApi({ databaseUrl: database.url, publicUrl: api.publicUrl });
  const endpoint = `${api.publicUrl}/oauth/token`;
  const [rsa, ec] = await Promise.all([newKeyPair('RS384', 'rsa-1'), newKeyPair('ES384', 'ec-1')]);
  const keys = { keys: [rsa.publicJwk, ec.publicJwk] };
  const jwksServer = await serveApp(express().get('/jwks.json', (_req, res) => void res.json(keys)));
  await register(api, keys, `${jwksServer.url}/jwks.json`);
  return {
    ...{ api, second, rsa, ec, endpoint },
    async tokenFor(key, clientId, claims) {
      return postToken(api.url, assertionForm(await signAssertion(key, clientId, endpoint, claims)));
    },
    async get(path, token, url = api.url) {
      return fetch(`${url}/fhir${path}`, { headers: { authorization: `Bearer ${token}` } });
    },
    async stop() {
      await jwksServer.close();
      await second.stop();
      await api.stop();
      await database.drop();
    },
  };
}

async function register(
  { clients }: Api,
  jwks: { readonly keys: KeyPair['publicJwk'][] },
  jwksUrl: string,
): Promise<void> {
  await clients.create({
    clientId: 'by-jwks',
    name: 'Keys inline',
    jwks,
    scopes: 'system/*.rs',
    enabled: true,
  });
  await clients.create({
    clientId: 'by-url',
    name: 'Keys by URL',
    jwksUrl,
    scopes: 'system/*.rs',
    organizationId: 'new-payer',
    enabled: true,
  });
  await clients.create({
    clientId: 'by-secret',
    name: 'Secret',
    clientSecret: SECRET,
    scopes: 'system/Patient.rs system/Observation.rs carryover.admin',
    enabled: true,
  });
}
