import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import * as client from 'openid-client';
import { startApi } from '../../support/authorization.ts';
import type { Api, KeyPair } from '../../support/authorization.ts';
import { createTestDatabase } from '../../support/environment.ts';
import { startPayerWithClients } from '../../support/payer-with-clients.ts';
import type { PayerWithClients } from '../../support/payer-with-clients.ts';

let payer: PayerWithClients;
let api: Api;
let ec: KeyPair;
let endpoint: string;

beforeAll(async () => {
  payer = await startPayerWithClients();
  ({ api, ec, endpoint } = payer);
});

afterAll(() => payer.stop());

describe('discovery', () => {
  it('says where tokens are had, and how, in the SMART configuration', async () => {
    const answer = await fetch(`${api.url}/fhir/.well-known/smart-configuration`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({
      issuer: api.publicUrl,
      jwks_uri: `${api.publicUrl}/oauth/jwks`,
      token_endpoint: endpoint,
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'client_secret_post'],
      token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
      grant_types_supported: ['client_credentials'],
      scopes_supported: ['system/*.rs', 'system/*.read'],
      capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
    });
  });

  it('leads openid-client from the issuer to a token that opens the API', async () => {
    const authentication = client.PrivateKeyJwt(
      { key: ec.privateKey, kid: ec.kid },
      { [client.modifyAssertion]: (_header, payload) => void (payload['aud'] = endpoint) },
    );
    const configuration = await client.discovery(new URL(api.publicUrl), 'by-jwks', undefined, authentication, {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- this machine has no TLS
      execute: [client.allowInsecureRequests],
    });
    const tokens = await client.clientCredentialsGrant(configuration, { scope: 'system/*.rs' });
    expect(tokens.expires_in).toBe(300);
    expect((await payer.get('/whoami', tokens.access_token)).status).toBe(200);
  });

  it('publishes the key that tokens are signed with, and no private member of it', async () => {
    const { body } = await payer.tokenFor(ec, 'by-jwks');
    const { kid, alg } = decodeProtectedHeader(String(body['access_token']));
    const { keys } = (await (await fetch(`${api.url}/oauth/jwks`)).json()) as { keys: Record<string, unknown>[] };
    expect(keys.map((key) => key['kid'])).toContain(kid);
    expect(alg).toBe('ES384');
    expect(keys.filter((key) => 'd' in key)).toEqual([]);
  });
});

it('makes one signing key, however many processes start at the same time', async () => {
  const fresh = await createTestDatabase();
  const processes = await Promise.all(Array.from({ length: 4 }, () => startApi({ databaseUrl: fresh.url })));
  try {
    const kids = await Promise.all(
      processes.map(async ({ url }) => {
        const { keys } = (await (await fetch(`${url}/oauth/jwks`)).json()) as { keys: { kid: string }[] };
        return keys.map(({ kid }) => kid).join();
      }),
    );
    expect(new Set(kids).size).toBe(1);
  } finally {
    await Promise.all(processes.map((one) => one.stop()));
    await fresh.drop();
  }
});
