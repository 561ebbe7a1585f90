import { z } from 'zod';
import { ExchangeError } from '../fhir/errors.ts';
import { normalIssuer } from '../fhir/oidc-definitions.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';
import { readJson, readRefusal, refusalError } from './answer.ts';
import type { PeerHttp } from './http.ts';

export interface TokenEndpoint {
  readonly url: string;
  /** How a client secret is sent; a private key needs neither. */
  readonly secretMethod: 'client_secret_basic' | 'client_secret_post';
}

const metadata = z.looseObject({
  token_endpoint: z.url(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
});

const OAUTH_URIS = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris';
/** The part of a CapabilityStatement that older servers tell their OAuth endpoints in. */
const capability = z.looseObject({
  rest: z.array(
    z.looseObject({
      security: z
        .looseObject({
          extension: z
            .array(
              z.looseObject({
                url: z.string(),
                extension: z.array(z.looseObject({ url: z.string(), valueUri: z.string().optional() })).optional(),
              }),
            )
            .optional(),
        })
        .optional(),
    }),
  ),
});

/**
 * The token endpoint of a definition: as given, else from `authWellKnown`, else from the SMART configuration of the
 * FHIR endpoint, the issuer's OpenID configuration or the CapabilityStatement.
 * @throws ExchangeError `token-refused` when nothing names one; whatever `PeerHttp.fetch` throws
 */
export async function findTokenEndpoint(http: PeerHttp, payer: OidcServer, now: () => number): Promise<TokenEndpoint> {
  const { tokenEndpoint, authWellKnown, privateJwk } = payer;
  if (tokenEndpoint !== undefined && (authWellKnown === undefined || privateJwk !== undefined)) {
    return { url: tokenEndpoint, secretMethod: 'client_secret_basic' };
  }
  const base = fhirBase(payer);
  const documents = authWellKnown === undefined ? wellKnownUrls(payer) : [authWellKnown];
  for (const url of documents) {
    const read = metadata.safeParse(await getDocument(http, payer, url, now));
    if (read.success) {
      const { token_endpoint: url, token_endpoint_auth_methods_supported: methods } = read.data;
      return { url: tokenEndpoint ?? url, secretMethod: secretMethod(methods) };
    }
  }
  const statement = authWellKnown === undefined ? await getDocument(http, payer, `${base}/metadata`, now) : undefined;
  const stated = statedTokenUri(statement);
  if (stated !== undefined) return { url: stated, secretMethod: 'client_secret_basic' };
  throw new ExchangeError('token-refused', { detail: 'no discovery document names a token endpoint' });
}

export function fhirBase(payer: Pick<OidcServer, 'fhirEndpoint'>): string {
  return payer.fhirEndpoint.replace(/\/+$/, '');
}

function wellKnownUrls(payer: OidcServer): readonly string[] {
  return [smartConfigurationUrl(payer), openIdConfigurationUrl(payer)];
}

export const smartConfigurationUrl = (payer: OidcServer): string =>
  `${fhirBase(payer)}/.well-known/smart-configuration`;
export const openIdConfigurationUrl = (payer: OidcServer): string =>
  `${normalIssuer(payer.issuer)}/.well-known/openid-configuration`;

/** Undefined where there is no such document; only what may pass is an error. */
export async function getDocument(http: PeerHttp, payer: OidcServer, url: string, now: () => number): Promise<unknown> {
  const headers = { accept: url.endsWith('/metadata') ? 'application/fhir+json' : 'application/json' };
  const response = await http.fetch(payer, { method: 'GET', url, headers, purpose: 'authorization' });
  if (response.status === 200) {
    const { body } = await readJson(response).catch(notJson);
    return body;
  }
  const error = refusalError(await readRefusal(response, now()));
  if (error.entry.retry !== 'never') throw error;
  return undefined;
}

/** Some servers answer unknown paths with a page and 200. */
function notJson(error: unknown): { readonly body: undefined } {
  if (error instanceof ExchangeError && error.code === 'peer-invalid') return { body: undefined };
  throw error;
}

export function secretMethod(methods: readonly string[] | undefined): TokenEndpoint['secretMethod'] {
  const isPostOnly = methods?.includes('client_secret_post') && !methods.includes('client_secret_basic');
  return isPostOnly ? 'client_secret_post' : 'client_secret_basic';
}

function statedTokenUri(statement: unknown): string | undefined {
  const read = capability.safeParse(statement);
  if (!read.success) return undefined;
  const extensions = read.data.rest.flatMap(({ security }) => security?.extension ?? []);
  const uris = extensions.filter(({ url }) => url === OAUTH_URIS).flatMap(({ extension }) => extension ?? []);
  const token = uris.find(({ url }) => url === 'token')?.valueUri;
  return token !== undefined && URL.canParse(token) ? token : undefined;
}
