import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import type { Adapter, AdapterPayload, ClientMetadata, JWK } from 'oidc-provider';

/** An authorization server for SMART Backend Services, as an operator would set one up beside a FHIR server. */
export interface AuthorizationServer {
  readonly handle: ReturnType<Provider['callback']>;
  readonly tokenPath: string;
  readonly jwksPath: string;
  /** The scope of a token that is good at this moment. */
  scopeOf(token: string): Promise<string | undefined>;
}

export const ASSERTION_ALGORITHM = 'ES384';
export const SCOPES = ['system/*.rs', 'system/*.read'];
const SIGNING_ALGORITHM = 'RS256';

/** Knows one client, by its public key. */
export async function createAuthorizationServer(
  issuer: string,
  clientId: string,
  publicJwk: JWK,
): Promise<AuthorizationServer> {
  const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const client: ClientMetadata = {
    client_id: clientId,
    ...{ grant_types: ['client_credentials'], response_types: [], redirect_uris: [], scope: SCOPES.join(' ') },
    ...{ token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: ASSERTION_ALGORITHM },
    jwks: { keys: [publicJwk] },
  };
  const provider = new Provider(issuer, {
    adapter: memoryAdapter(client),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: SIGNING_ALGORITHM, use: 'sig' }] },
    scopes: SCOPES,
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: [ASSERTION_ALGORITHM] },
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    ttl: { ClientCredentials: 300 },
  });
  return {
    ...{ handle: provider.callback(), tokenPath: '/token', jwksPath: '/jwks' },
    async scopeOf(token) {
      const found = await provider.ClientCredentials.find(token);
      return found?.isValid === true ? found.scope : undefined;
    },
  };
}

/** What the library stores of client credentials: tokens, and the assertions that were used. */
function memoryAdapter(client: ClientMetadata): (model: string) => Adapter {
  const kept = new Map<string, AdapterPayload>();
  return (model) => ({
    find: async (id) => (model === 'Client' && id === client.client_id ? client : kept.get(`${model} ${id}`)),
    upsert: async (id, payload) => void kept.set(`${model} ${id}`, payload),
    destroy: async (id) => void kept.delete(`${model} ${id}`),
    consume: async () => undefined,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    revokeByGrantId: async () => undefined,
  });
}
