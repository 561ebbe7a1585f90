import { hash } from 'node:crypto';
import { isResourceType } from './resource-types.ts';

export interface BusinessIdentifier {
  readonly system: string;
  readonly value: string;
}

/** What the string of `Reference.reference` can be (http://hl7.org/fhir/R4/references.html#literal). */
export type ParsedReference =
  | {
      readonly kind: 'literal';
      readonly type: string;
      readonly id: string;
      readonly version?: string;
      /** The base as it was written, where the reference was absolute and its base the one given. */
      readonly absoluteBase?: string;
    }
  | { readonly kind: 'contained'; readonly fragment: string }
  | {
      readonly kind: 'conditional';
      readonly type: string;
      readonly query: string;
      /** Present where the query is one `identifier=system|value` and nothing else. */
      readonly identifier?: BusinessIdentifier;
    }
  | { readonly kind: 'urn' }
  /** Another server's, a canonical, or nothing that FHIR knows. */
  | { readonly kind: 'other' };

export interface DerivedIdParts {
  /** Key of the responding payer's Organization. */
  readonly organization: string;
  /** Id of the local Patient; left out for types outside the Patient compartment. */
  readonly patient?: string;
  readonly type: string;
  readonly originalId: string;
}

const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;
const LITERAL = /^([A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;
const CONDITIONAL = /^([A-Za-z]+)\?(.+)$/;
const ABSOLUTE = /^https?:\/\//i;
const BASE_AND_LITERAL = /^(.*)\/([A-Za-z]+\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?)$/;
const BASE_AND_TYPE = /^(.*)\/([A-Za-z]+)$/;

const URN = /^urn:(?:uuid|oid):([A-Za-z0-9\-.]{1,64})$/i;

/** The id that a URN names, where that can be the id of a resource. */
export function idOfUrn(reference: string): string | undefined {
  return URN.exec(reference)?.[1];
}

export function isFhirId(value: string): boolean {
  return FHIR_ID.test(value);
}

/** 40 lower-case hex digits of a SHA-256 over the parts: the same parts always give the same id. */
export function hashedId(parts: readonly (string | number)[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex').slice(0, 40);
}

/** The local id of an imported resource. */
export function derivedId({ organization, patient, type, originalId }: DerivedIdParts): string {
  return hashedId(patient === undefined ? [organization, type, originalId] : [organization, patient, type, originalId]);
}

/** Scheme and host in lower case, no default port, no trailing slash: equal texts mean the same FHIR base. */
export function normalizedBase(base: string): string | undefined {
  if (!URL.canParse(base)) return undefined;
  const url = new URL(base);
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** `base`: the base URL of the server that wrote the reference; absolute URLs below it mean the same as relative ones. */
export function parseReference(reference: string, base?: string): ParsedReference {
  if (reference.startsWith('#')) return { kind: 'contained', fragment: reference.slice(1) };
  if (reference.startsWith('urn:')) return { kind: 'urn' };
  if (!ABSOLUTE.test(reference)) return parseRelative(reference);
  if (base === undefined) return { kind: 'other' };
  const question = reference.indexOf('?');
  const path = question === -1 ? reference : reference.slice(0, question);
  const query = question === -1 ? '' : reference.slice(question);
  const [, prefix = '', relative = ''] = (query === '' ? BASE_AND_LITERAL : BASE_AND_TYPE).exec(path) ?? [];
  if (!isSameBase(prefix, base)) return { kind: 'other' };
  const parsed = parseRelative(relative + query);
  return parsed.kind === 'literal' ? { ...parsed, absoluteBase: prefix } : parsed;
}

function isSameBase(one: string, other: string): boolean {
  if (one === other) return true;
  const normalized = normalizedBase(one);
  return normalized !== undefined && normalized === normalizedBase(other);
}

function parseRelative(reference: string): ParsedReference {
  const [, type = '', id = '', version] = LITERAL.exec(reference) ?? [];
  if (isResourceType(type))
    return version === undefined ? { kind: 'literal', type, id } : { kind: 'literal', type, id, version };
  const [, searched = '', query = ''] = CONDITIONAL.exec(reference) ?? [];
  if (!isResourceType(searched)) return { kind: 'other' };
  const identifier = identifierOfQuery(query);
  return { kind: 'conditional', type: searched, query, ...(identifier && { identifier }) };
}

function identifierOfQuery(query: string): BusinessIdentifier | undefined {
  const prefix = 'identifier=';
  if (!query.startsWith(prefix) || query.includes('&')) return undefined;
  const token = decoded(query.slice(prefix.length));
  // An unescaped comma means "or" in a search: no longer one identifier.
  const parts = /^((?:[^\\|,]|\\.)+)\|((?:[^\\|,]|\\.)+)$/.exec(token);
  if (!parts) return undefined;
  return { system: unescaped(parts[1] ?? ''), value: unescaped(parts[2] ?? '') };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign: the peer did not encode, so the text is what it means.
    return text;
  }
}

/** http://hl7.org/fhir/R4/search.html#escaping */
function unescaped(token: string): string {
  return token.replace(/\\([\\|,$])/g, '$1');
}

/** The identifiers with system and value of a parsed resource, whether its type has one or many. */
export function identifiersOf(resource: Readonly<Record<string, unknown>>): BusinessIdentifier[] {
  const { identifier } = resource;
  const candidates: unknown[] = Array.isArray(identifier) ? identifier : [identifier];
  return candidates.filter(isBusinessIdentifier).map(({ system, value }) => ({ system, value }));
}

function isBusinessIdentifier(value: unknown): value is BusinessIdentifier {
  return (
    typeof value === 'object' &&
    value !== null &&
    'system' in value &&
    typeof value.system === 'string' &&
    'value' in value &&
    typeof value.value === 'string'
  );
}
