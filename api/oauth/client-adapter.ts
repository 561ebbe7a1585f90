import { decodeProtectedHeader } from 'jose';
import { Provider } from 'oidc-provider';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { OidcClient } from '../../fhir/oidc-definitions.ts';
import { chooseKey, readClientKeys } from './client-keys.ts';
import type { ClientKey, KeyHint } from './client-keys.ts';
import type { RemoteKeys } from './remote-keys.ts';

/** Metadata of a client, by which the grant knows what it may have at most. */
export const ALLOWED_SCOPES = 'allowed_scopes';

export interface OperatorClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface ClientAdapterDeps {
  readonly operator: OperatorClient;
  readonly client: (clientId: string) => Promise<OidcClient | undefined>;
  readonly remoteKeys: RemoteKeys;
  /** A client's key set could not be had. */
  readonly onKeysMissing: (error: unknown) => void;
}

const OPERATOR_SCOPES = 'system/*.cruds carryover.admin';

/** Of the library's models there is but the client; tokens are signed and kept nowhere. */
export function adapterFactory(deps: ClientAdapterDeps): (model: string) => Adapter {
  return (model) => ({ ...keepsNothing, ...(model === 'Client' && { find: (id: string) => findClient(id, deps) }) });
}

const nothing = (): Promise<undefined> => Promise.resolve(undefined);
const keepsNothing: Adapter = {
  find: nothing,
  findByUid: nothing,
  findByUserCode: nothing,
  upsert: nothing,
  consume: nothing,
  destroy: nothing,
  revokeByGrantId: nothing,
};

async function findClient(id: string, deps: ClientAdapterDeps): Promise<AdapterPayload | undefined> {
  const { operator } = deps;
  if (id === operator.clientId) return payload(id, OPERATOR_SCOPES, secretMethod(operator.clientSecret));
  const client = await deps.client(id);
  if (client === undefined || !client.enabled) return undefined;
  const hint = assertionHint();
  // A client may have registered both; the library knows one method a client: the one that this request uses.
  if (hint === undefined && client.clientSecret !== undefined) {
    return payload(id, client.scopes, secretMethod(client.clientSecret));
  }
  const key = hint === undefined ? undefined : await keyOf(client, hint, deps);
  return payload(id, client.scopes, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: key ? [key] : [] },
  });
}

const secretMethod = (secret: string) => ({ token_endpoint_auth_method: 'client_secret_basic', client_secret: secret });

function payload(clientId: string, scopes: string, authentication: object): AdapterPayload {
  return {
    client_id: clientId,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    [ALLOWED_SCOPES]: scopes,
    ...authentication,
  };
}

/** The header of the assertion that this request carries, not verified; undefined for a request without one. */
function assertionHint(): KeyHint | undefined {
  const assertion = Provider.ctx?.oidc.params?.['client_assertion'];
  if (typeof assertion !== 'string') return undefined;
  try {
    return decodeProtectedHeader(assertion);
  } catch {
    // Not a JWT: no key fits, and the library refuses it.
    return {};
  }
}

async function keyOf(client: OidcClient, hint: KeyHint, deps: ClientAdapterDeps): Promise<ClientKey | undefined> {
  const key = client.jwks === undefined ? undefined : chooseKey(readClientKeys(client.jwks), hint);
  if (key !== undefined || client.jwksUrl === undefined) return key;
  try {
    return await deps.remoteKeys.find(client.jwksUrl, hint);
  } catch (error) {
    // SMART 2.2: whatever keeps a client from being authenticated is `invalid_client` to it.
    deps.onKeysMissing(error);
    return undefined;
  }
}
