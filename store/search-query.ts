import type { StoredResource } from './fhir-store.ts';

/** `system` undefined matches any system, an empty one only identifiers without. */
export interface IdentifierQuery {
  readonly system?: string;
  readonly value: string;
}

/** Prefixes, whatever their case and accents, one of which a name or the named part of one begins with. */
export interface NameQuery {
  /**
   * `born`, of Patients alone: the birth date (`YYYY-MM-DD`), a space and the family name as one text; `address` of
   * Organizations and Locations; codes of `specialty` and the id of `practitioner` of PractitionerRoles alone.
   */
  readonly part?: 'family' | 'given' | 'born' | 'address' | 'specialty' | 'practitioner';
  readonly anyOf: readonly string[];
}

export interface SearchQuery {
  readonly type: string;
  readonly ids?: readonly string[];
  /** Any of these. */
  readonly identifiers?: readonly IdentifierQuery[];
  /** Record owner: the Patient compartment(s) to stay in. */
  readonly patientIds?: readonly string[];
  /** Names (Patient, Practitioner, Organization, Location, Group) that must all agree. */
  readonly names?: readonly NameQuery[];
  readonly lastUpdated?: readonly { readonly op: 'ge' | 'gt' | 'le' | 'lt' | 'eq'; readonly instant: string }[];
  readonly origin?: 'native' | 'imported' | 'all';
  readonly includeEvidence?: boolean;
  /** What no index tells: asked of each resource, parsed. */
  readonly where?: (resource: Readonly<Record<string, unknown>>) => boolean;
  readonly count: number;
  /** The instant as of which the first page is read, where it is not the newest one. */
  readonly asOf?: string | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

/** What a search asks for, without its pages. */
export type SearchScope = Omit<SearchQuery, 'count' | 'after'>;

export interface SearchPage {
  readonly resources: readonly StoredResource[];
  readonly next: string | undefined;
  /** The instant as of which this page and all that follow it are read. */
  readonly asOf: string;
}

export interface HistoryQuery {
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive: only versions older than this instant. */
  readonly before?: string | undefined;
  readonly count?: number;
}
