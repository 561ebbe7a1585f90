import { normalizedBase } from '../fhir/identifiers.ts';
import { normalIssuer } from '../fhir/oidc-definitions.ts';
import type { OidcServer } from '../fhir/oidc-definitions.ts';

/** What a request names its payer by. */
export type PayerKey =
  { readonly issuer: string } | { readonly organizationId: string } | { readonly fhirEndpoint: string };

export type FoundPayer = { readonly found: 'one'; readonly payer: OidcServer } | { readonly found: 'none' | 'several' };

/** Looks a payer up among the registered ones; a trailing slash of issuer and endpoint means nothing. */
export function findPayer(payers: readonly OidcServer[], key: PayerKey): FoundPayer {
  const [payer, ...others] = payers.filter((candidate) => isMeant(candidate, key));
  if (payer === undefined) return { found: 'none' };
  return others.length > 0 ? { found: 'several' } : { found: 'one', payer };
}

function isMeant(payer: OidcServer, key: PayerKey): boolean {
  if ('issuer' in key) return normalIssuer(payer.issuer) === normalIssuer(key.issuer);
  if ('organizationId' in key) return payer.organizationId === key.organizationId;
  const base = normalizedBase(key.fhirEndpoint);
  return base !== undefined && normalizedBase(payer.fhirEndpoint) === base;
}
