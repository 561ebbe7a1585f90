import { ExchangeError } from '../../fhir/errors.ts';
import { isRecord } from '../../fhir/parameters.ts';
import { identifiersOf, normalizedBase } from '../../fhir/identifiers.ts';
import type { InvokeExportRequest, Naming } from '../../fhir/invoke-export.ts';
import { normalIssuer } from '../../fhir/oidc-definitions.ts';
import type { OidcServer } from '../../fhir/oidc-definitions.ts';
import type { FhirStore } from '../../store/fhir-store.ts';

export interface FoundPayer {
  readonly payer: OidcServer;
  /** Id of the payer's Organization in our store: `agent.who` of what it sends. */
  readonly organizationId: string;
}

const unknown = (diagnostics: string, expression: string): ExchangeError =>
  new ExchangeError('payer-unknown', { diagnostics, expression });

/**
 * The payer that a request means: by `sourceIssuerUrl`, else `organization`, else `endpoint`; and its Organization.
 * @throws ExchangeError `payer-unknown` for none or several, and where no Organization of the payer is known
 */
export async function findPayer(
  request: InvokeExportRequest,
  servers: readonly OidcServer[],
  fhir: FhirStore,
): Promise<FoundPayer> {
  const payer = await payerOf(request, servers, fhir);
  const organizationId =
    (payer.organizationId === undefined ? undefined : await organizationOf(payer.organizationId, fhir)) ??
    (await namedOrganization(request.organization, fhir)) ??
    (await namedOrganization(request.payor, fhir));
  if (organizationId === undefined) {
    throw unknown('No Organization of the payer is in the store.', 'Parameters.parameter');
  }
  return { payer, organizationId };
}

async function payerOf(
  { sourceIssuerUrl, organization, endpoint }: InvokeExportRequest,
  servers: readonly OidcServer[],
  fhir: FhirStore,
): Promise<OidcServer> {
  if (sourceIssuerUrl !== undefined) {
    const issuer = normalIssuer(sourceIssuerUrl);
    return theOne(
      servers.filter((server) => normalIssuer(server.issuer) === issuer),
      "Parameters.parameter.where(name = 'sourceIssuerUrl').value",
    );
  }
  if (organization !== undefined) {
    const names = await namesOf(organization, fhir);
    const found = servers.filter((server) => server.organizationId !== undefined && names.has(server.organizationId));
    if (found.length > 0 || endpoint === undefined) return theOne(found, organization.expression);
  }
  if (endpoint !== undefined) {
    const address = normalizedBase((await endpointAddress(endpoint, fhir)) ?? '');
    const found = servers.filter((server) => address !== undefined && normalizedBase(server.fhirEndpoint) === address);
    return theOne(found, endpoint.expression);
  }
  throw unknown('One of sourceIssuerUrl, organization and endpoint must name the payer.', 'Parameters.parameter');
}

function theOne(found: readonly OidcServer[], expression: string): OidcServer {
  const [payer, ...others] = found;
  if (payer === undefined) throw unknown('No registered OIDC server is meant by it.', expression);
  if (others.length > 0) throw unknown('Several registered OIDC servers are meant by it.', expression);
  return payer;
}

/** What an `organizationId` may say of an Organization: its id, or one of its identifier values. */
async function namesOf(naming: Naming, fhir: FhirStore): Promise<ReadonlySet<string>> {
  const names = new Set([naming.id, naming.identifier?.value].filter((name) => name !== undefined));
  const id = await namedOrganization(naming, fhir);
  const stored = id === undefined ? undefined : await fhir.read('Organization', id);
  if (stored === undefined || stored.deleted) return names;
  names.add(stored.id);
  const resource: unknown = JSON.parse(stored.text);
  if (isRecord(resource)) for (const { value } of identifiersOf(resource)) names.add(value);
  return names;
}

/** Id of the stored Organization that has this id, or just one of them that carries it as an identifier value. */
export async function organizationOf(idOrValue: string, fhir: FhirStore): Promise<string | undefined> {
  const byId = /^[A-Za-z0-9\-.]{1,64}$/.test(idOrValue) ? await fhir.read('Organization', idOrValue) : undefined;
  if (byId !== undefined && !byId.deleted) return byId.id;
  const [found, ...others] = await fhir.findByIdentifier('Organization', { value: idOrValue });
  return others.length === 0 ? found?.id : undefined;
}

async function namedOrganization(naming: Naming | undefined, fhir: FhirStore): Promise<string | undefined> {
  if (naming === undefined) return undefined;
  if (naming.id !== undefined && naming.url === undefined) {
    const stored = await fhir.read('Organization', naming.id);
    if (stored !== undefined && !stored.deleted) return stored.id;
  }
  if (naming.identifier === undefined) return undefined;
  const [found, ...others] = await fhir.findByIdentifier('Organization', naming.identifier);
  return others.length === 0 ? found?.id : undefined;
}

/** The address of a stored Endpoint; an absolute reference may be the address itself. */
async function endpointAddress(naming: Naming, fhir: FhirStore): Promise<string | undefined> {
  if (naming.url !== undefined && naming.id === undefined) return naming.url;
  const stored = naming.id === undefined ? undefined : await fhir.read('Endpoint', naming.id);
  const resource: unknown = stored === undefined || stored.deleted ? undefined : JSON.parse(stored.text);
  return isRecord(resource) && typeof resource['address'] === 'string' ? resource['address'] : naming.url;
}
