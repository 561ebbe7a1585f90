import { ExchangeError } from '../../fhir/errors.ts';
import { coversScopes } from '../../fhir/scopes.ts';
import type { FhirStore, StoredResource } from '../../store/fhir-store.ts';
import { assertScope } from '../auth.ts';
import type { Caller } from '../auth.ts';

/** What the caller of a request may do. */
export interface Access {
  /** Writes, tombstones and evidence are the operator's. */
  readonly isOperator: boolean;
  /** @throws ExchangeError `forbidden` unless the token allows these letters of `cruds` on the type */
  assertScope(type: string, letters: string): void;
  /** The same as an answer. */
  allows(type: string, letters: string): boolean;
  /** The resource as this caller may see it; undefined where it may not. Every resource that goes out passes here. */
  show(resource: StoredResource): Promise<StoredResource | undefined>;
  /** Whether this caller reaches the records of the compartment at all. */
  reaches(patientId: string): Promise<boolean>;
  /** The compartments of all members whom a partner reaches; undefined where there are too many of them to search in. */
  compartments(): Promise<readonly string[] | undefined>;
}

export interface RestDeps {
  readonly store: FhirStore;
  /** `PUBLIC_URL/fhir`. */
  readonly baseUrl: string;
  readonly visibility: RestVisibility;
}

export interface RestVisibility {
  /** The resource as the caller may see it (masked, where a consent masks it); undefined where it may not. */
  show(caller: Caller, resource: StoredResource): Promise<StoredResource | undefined>;
  reaches(caller: Caller, patientId: string): Promise<boolean>;
  /** As `Access` has it, of a partner. */
  compartments(caller: Caller): Promise<readonly string[] | undefined>;
}

/** What an interaction needs beside its own parameters. */
export interface RestContext {
  readonly store: FhirStore;
  readonly baseUrl: string;
  readonly access: Access;
  readonly prefer: Preferences;
}

/** https://hl7.org/fhir/R4/http.html#ops and #search (handling). */
export interface Preferences {
  readonly return: 'minimal' | 'representation' | 'OperationOutcome' | undefined;
  readonly strict: boolean;
}

/** What goes out, over HTTP or as an entry of a Bundle. */
export interface Answer {
  readonly status: number;
  /** JSON of one resource. */
  readonly text?: string;
  readonly versionId?: string;
  readonly lastUpdated?: string;
  /** Relative to the base: `Type/id/_history/version`. */
  readonly location?: string;
}

export function accessOf(caller: Caller, visibility: RestVisibility): Access {
  return {
    isOperator: caller.kind === 'operator' && coversScopes(caller.scope, 'carryover.admin'),
    assertScope: (type, letters) => assertScope(caller, type, letters),
    allows: (type, letters) => coversScopes(caller.scope, `system/${type}.${letters}`),
    show: (resource) => visibility.show(caller, resource),
    reaches: (patientId) => visibility.reaches(caller, patientId),
    compartments: () => visibility.compartments(caller),
  };
}

export function readPreferences(header: string | undefined): Preferences {
  const values = (header ?? '').split(/[,;]/).map((part) => part.trim());
  const named = (name: string): string | undefined =>
    values.find((value) => value.startsWith(`${name}=`))?.slice(name.length + 1);
  const wanted = named('return');
  const isKnown = wanted === 'minimal' || wanted === 'representation' || wanted === 'OperationOutcome';
  return { return: isKnown ? wanted : undefined, strict: named('handling') === 'strict' };
}

export function resourceAnswer(resource: StoredResource, status = 200): Answer {
  return { status, text: resource.text, versionId: resource.versionId, lastUpdated: resource.lastUpdated };
}

/** @throws ExchangeError `forbidden` */
export function requireOperator(access: Access): void {
  if (!access.isOperator) throw new ExchangeError('forbidden');
}

export function locationOf({ type, id, versionId }: StoredResource): string {
  return `${type}/${id}/_history/${versionId}`;
}

export function entityTag(versionId: string): string {
  return `W/"${versionId}"`;
}

/**
 * The version in `W/"7"` or `"7"`.
 *
 * @throws ExchangeError `request-invalid`
 */
export function versionOfTag(tag: string): string {
  const [, version] = /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(tag) ?? [];
  if (version === undefined)
    throw new ExchangeError('request-invalid', { diagnostics: 'If-Match names one version: W/"…".' });
  return version;
}
