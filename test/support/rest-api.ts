import { afterAll, beforeAll } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Pool } from 'pg';
import { createFhirApp } from '../../api/app.ts';
import { authenticate } from '../../api/auth.ts';
import { createFhirRestRouter } from '../../api/fhir-rest/router.ts';
import type { OidcClient } from '../../fhir/oidc-definitions.ts';
import { OPEN_TYPES } from '../../fhir/open-types.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { databaseSocket } from '../../store/postgres/reading-socket.ts';
import { createTestDatabase } from './environment.ts';
import type { TestDatabase } from './environment.ts';
import { serveApp } from './serve.ts';
import type { ServedApp } from './serve.ts';

export const ISSUER = 'http://payer.test';
/** The only member whose records the partner of these tests may see. */
export const MATCHED = 'matched';

const BASE = `${ISSUER}/fhir`;
const SCOPES = { operator: 'system/*.cruds carryover.admin', partner: 'system/*.rs' } as const;
const PARTNER: OidcClient = {
  ...{ pid: 1, clientId: 'partner', name: 'Partner', scopes: SCOPES.partner, organizationId: 'org', enabled: true },
  ...{ clientSecret: undefined, jwks: undefined, jwksUrl: undefined },
};

export interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly as?: keyof typeof SCOPES;
}

export interface Json {
  readonly resourceType?: string;
  readonly id?: string;
  readonly total?: number;
  readonly meta?: { readonly versionId: string };
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
  readonly issue?: readonly {
    readonly diagnostics?: string;
    readonly details?: { readonly coding?: readonly { readonly code: string }[] };
  }[];
  readonly entry?: readonly {
    readonly fullUrl?: string;
    readonly resource?: Json;
    readonly search?: { readonly mode: string };
    readonly request?: { readonly method: string };
    readonly response?: { readonly status: string; readonly location?: string; readonly outcome?: Json };
  }[];
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Json;
  /** Of the OperationOutcome. */
  readonly code: string | undefined;
}

/** The REST interactions over HTTP, with tokens of an operator and of a partner, over a database of their own. */
export function useRestApi() {
  let database: TestDatabase;
  let pool: Pool;
  let served: ServedApp;
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new Pool({ connectionString: database.url, stream: databaseSocket });
    const { publicKey, privateKey } = await generateKeyPair('ES384');
    for (const [clientId, scope] of Object.entries(SCOPES)) {
      const token = new SignJWT({ client_id: clientId, scope }).setProtectedHeader({ alg: 'ES384' });
      token.setIssuer(ISSUER).setAudience(BASE).setExpirationTime('1h');
      tokens.set(clientId, await token.sign(privateKey));
    }
    const keys = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES384' }] };
    served = await serveApp(appOver(pool, keys));
  });

  afterAll(async () => {
    await served.close();
    await pool.end();
    await database.drop();
  });

  const ask = async (path: string, { method = 'GET', body, headers = {}, as = 'operator' }: Asked = {}) => {
    const authorization = { Authorization: `Bearer ${tokens.get(as)}`, 'Content-Type': 'application/fhir+json' };
    const response = await fetch(`${served.url}/fhir${path}`, {
      method,
      headers: { ...authorization, ...headers },
      ...(body !== undefined && { body }),
    });
    return answerOf(response);
  };
  const put = (type: string, id: string, more = '', headers: Record<string, string> = {}) =>
    ask(`/${type}/${id}`, { method: 'PUT', body: `{"resourceType":"${type}","id":"${id}"${more}}`, headers });
  return { ask, put };
}

/** Ids of what a search found, without what it brought along. */
export const matches = ({ json }: { readonly json: Json }) =>
  (json.entry ?? []).filter(({ search }) => search?.mode === 'match').map(({ resource }) => resource?.id);

function isReached({ type, patientId }: StoredResource): boolean {
  return patientId === MATCHED || (patientId === undefined && OPEN_TYPES.has(type));
}

async function answerOf(response: Response): Promise<RestAnswer> {
  const text = await response.text();
  const json = (text === '' ? {} : JSON.parse(text)) as Json;
  const code = json.issue?.[0]?.details?.coding?.[0]?.code;
  return { status: response.status, headers: response.headers, text, json, code };
}

function appOver(pool: Pool, publicKeys: Parameters<typeof authenticate>[0]['publicKeys']) {
  return createFhirApp({
    authorizationServer: (_req, _res, next) => next(),
    open: [],
    authenticate: authenticate({
      ...{ issuer: ISSUER, audience: BASE, operatorClientId: 'operator', publicKeys },
      client: (id) => Promise.resolve(id === 'partner' ? PARTNER : undefined),
    }),
    protected: [
      createFhirRestRouter({
        store: createPostgresFhirStore(pool),
        baseUrl: BASE,
        visibility: {
          show: (caller, resource) =>
            Promise.resolve(caller.kind === 'operator' || isReached(resource) ? resource : undefined),
          reaches: (caller, patientId) => Promise.resolve(caller.kind === 'operator' || patientId === MATCHED),
          compartments: ({ kind }) => Promise.resolve(kind === 'operator' ? undefined : [MATCHED]),
        },
      }),
    ],
    log: { error: () => undefined },
  });
}
