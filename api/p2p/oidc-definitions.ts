import { ExchangeError } from '../../fhir/errors.ts';
import { oidcClientInput, oidcServerInput } from '../../fhir/oidc-definitions.ts';
import type { OidcClients, OidcServers } from '../../store/partners.ts';
import { definitionPart } from './definition-part.ts';
import type { P2pPart } from './part.ts';

/** `/api/oidc_servers`: the responding payers that we reach. */
export function oidcServersPart(servers: OidcServers): P2pPart {
  return definitionPart({
    path: '/api/oidc_servers',
    listName: 'servers',
    name: 'OidcServer',
    summary: 'Responding payers, as this payer reaches them.',
    input: oidcServerInput,
    secrets: ['clientSecret', 'privateJwk', 'introspectionClientSecret'],
    store: servers,
  });
}

/**
 * `/api/oidc_clients`: the requesting payers that reach us.
 * @param operatorClientId is no partner's: its tokens would be the operator's
 */
export function oidcClientsPart(clients: OidcClients, operatorClientId: string): P2pPart {
  return definitionPart({
    path: '/api/oidc_clients',
    listName: 'clients',
    name: 'OidcClient',
    summary: 'Requesting payers, as they reach this payer.',
    input: oidcClientInput,
    secrets: ['clientSecret'],
    store: clients,
    check({ clientId }) {
      if (clientId !== operatorClientId) return;
      throw new ExchangeError('conflict', { expression: 'clientId', diagnostics: "It is the operator's own." });
    },
  });
}
