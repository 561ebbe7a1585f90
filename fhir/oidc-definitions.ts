import { z } from 'zod';
import { EXPORT_FORMS } from './export-form.ts';

/** Definitions of partners: the servers that we reach as requesting payer, the clients that reach us as responding payer. */

const url = z.url({ protocol: /^https?$/ });
const jwk = z.record(z.string(), z.unknown());
const publicJwk = jwk.refine((key) => !('d' in key) && !('k' in key), 'a public key, without its private members');
const jwks = z.object({ keys: z.array(publicJwk) });
/** RFC 6749, appendix A: what a client id and a client secret may hold. */
const visible = z.string().regex(/^[\x20-\x7e]+$/, 'printable ASCII characters');
/** `host` or `host:port`, without scheme and path. */
const hostAndPort = z.string().regex(/^[^\s/:]+(:\d{1,5})?$|^\[[0-9a-fA-F:]+\](:\d{1,5})?$/, 'host or host:port');

/** OIDC server definition: a responding payer, as we reach it (contract: P2P API). */
export const oidcServerInput = z.strictObject({
  name: z.string().min(1),
  /** Unique; a trailing slash is ignored. */
  issuer: url,
  clientId: z.string().min(1),
  clientSecret: z.string().min(1).optional(),
  privateJwk: jwk.optional(),
  introspectionClientId: z.string().optional(),
  introspectionClientSecret: z.string().optional(),
  jwks: jwks.optional(),
  authWellKnown: url.optional(),
  scopes: z.string().default('system/*.rs'),
  fhirEndpoint: url,
  tokenEndpoint: url.optional(),
  /** `name=value` goes with the token request; a bare `name` is read from the answer. Comma-separated. */
  customTokenParams: z.string().optional(),
  responseType: z
    .enum(['code', 'token', 'id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token', 'none'])
    .optional(),
  organizationId: z.string().optional(),
  notes: z.string().optional(),
  responderIdentifierSystem: z.string().min(1).optional(),
  allowedHosts: z.array(hostAndPort).default([]),
  maxConcurrentExchanges: z.int().min(1).max(1000).default(4),
  exportDeadlineSeconds: z.int().min(1).default(172_800),
  /** How one member's records are asked for; absent: chosen by what the payer says, and by what worked. */
  exportForm: z.enum(EXPORT_FORMS).optional(),
  /** Path of the match, relative to `fhirEndpoint`; absent: `Patient/$member-match`. */
  matchOperation: z
    .string()
    .regex(/^[A-Za-z0-9$][A-Za-z0-9$/._-]*$/, 'a path relative to fhirEndpoint')
    .optional(),
  /** `always`: a match posted without gets the local patient's coverage; `never`: it is taken out. Absent: as posted. */
  coverageToLink: z.enum(['always', 'never']).optional(),
  /** What the payer wants as `Consent.policy.uri` in the place of the HRex ones. */
  consentPolicies: z
    .strictObject({ regular: z.string().min(1), sensitive: z.string().min(1) })
    .partial()
    .optional(),
});
export type OidcServerInput = z.infer<typeof oidcServerInput>;
export type OidcServer = OidcServerInput & { readonly pid: number };

/** OIDC client definition: a requesting payer, as it reaches us. */
export const oidcClientInput = z
  .strictObject({
    clientId: visible,
    name: z.string().min(1),
    clientSecret: visible.optional(),
    jwks: jwks.optional(),
    jwksUrl: url.optional(),
    scopes: z.string().default('system/*.rs'),
    organizationId: z.string().optional(),
    enabled: z.boolean().default(true),
    /** `valueId`: `$member-match` answers `Patient/<id>`, the form of the vendor; absent, or `identifier`: that of HRex. */
    matchAnswer: z.enum(['identifier', 'valueId']).optional(),
  })
  .refine((client) => client.clientSecret !== undefined || client.jwks !== undefined || client.jwksUrl !== undefined, {
    message: 'one of clientSecret, jwks and jwksUrl is needed',
  });
export type OidcClientInput = z.infer<typeof oidcClientInput>;
export type OidcClient = OidcClientInput & { readonly pid: number };

/** Issuers are compared without a trailing slash. */
export const normalIssuer = (issuer: string): string => issuer.replace(/\/+$/, '');

/** Secrets are write-only: what a definition shows of itself. */
export function withoutSecrets<T extends Partial<OidcServer> | Partial<OidcClient>>(definition: T): Partial<T> {
  const {
    clientSecret: _1,
    privateJwk: _2,
    introspectionClientSecret: _3,
    ...rest
  } = definition as Partial<OidcServer>;
  return rest as Partial<T>;
}
