/** Where partners find the authorization server. */
export interface Endpoints {
  /** `PUBLIC_URL`, exactly: issuer of the access tokens. */
  readonly issuer: string;
  /** Audience of the access tokens. */
  readonly fhir: string;
  /** The one audience of client assertions. */
  readonly token: string;
  readonly jwks: string;
}

export const TOKEN_PATH = '/oauth/token';
export const JWKS_PATH = '/oauth/jwks';

export function endpointsOf(publicUrl: string): Endpoints {
  const base = publicUrl.replace(/\/+$/, '');
  return { issuer: publicUrl, fhir: `${base}/fhir`, token: `${base}${TOKEN_PATH}`, jwks: `${base}${JWKS_PATH}` };
}

/** SMART 2.2: what clients may sign their assertions with. */
export const ASSERTION_ALGORITHMS = ['RS384', 'ES384'] as const;
export const CLIENT_AUTHENTICATION_METHODS = ['private_key_jwt', 'client_secret_basic', 'client_secret_post'] as const;
/** For partners; what one is granted is its definition's affair. */
export const SCOPES = ['system/*.rs', 'system/*.read'] as const;
