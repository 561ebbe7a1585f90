import type { OidcClient, OidcClientInput, OidcServer, OidcServerInput } from '../fhir/oidc-definitions.ts';

/** The responding payers that we reach. Secrets are sealed at rest and open in what these functions return. */
export interface OidcServers {
  /** By pid. */
  list(): Promise<readonly OidcServer[]>;
  /** @throws ExchangeError `not-found` */
  read(pid: number): Promise<OidcServer>;
  /** @throws ExchangeError `conflict` for an issuer that is registered, a trailing slash ignored */
  create(input: OidcServerInput): Promise<OidcServer>;
  /**
   * Replaces the whole definition.
   * @throws ExchangeError `not-found`; `conflict` for an issuer of another definition
   */
  update(pid: number, input: OidcServerInput): Promise<OidcServer>;
  /** @throws ExchangeError `not-found`; `conflict` while an exchange with this payer runs */
  remove(pid: number): Promise<void>;
  /** The configuration file's list: known issuers keep their pid, and secrets that the file leaves out. */
  apply(inputs: readonly OidcServerInput[]): Promise<void>;
}

/** The requesting payers that reach us. */
export interface OidcClients {
  list(): Promise<readonly OidcClient[]>;
  /** @throws ExchangeError `not-found` */
  read(pid: number): Promise<OidcClient>;
  find(clientId: string): Promise<OidcClient | undefined>;
  /** @throws ExchangeError `conflict` for a client id that is registered */
  create(input: OidcClientInput): Promise<OidcClient>;
  /** @throws ExchangeError `not-found`; `conflict` for a client id of another definition */
  update(pid: number, input: OidcClientInput): Promise<OidcClient>;
  /** @throws ExchangeError `not-found` */
  remove(pid: number): Promise<void>;
  /** The configuration file's list, by client id. */
  apply(inputs: readonly OidcClientInput[]): Promise<void>;
}
