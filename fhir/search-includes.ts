import { inPatientCompartment } from './compartment.ts';
import { filterParameter, filterParameterNames } from './filter-parameters.ts';
import { elementsAt } from './filter-values.ts';
import { parseReference } from './identifiers.ts';
import type { ParsedReference } from './identifiers.ts';
import type { Fields } from './member-match.ts';
import { OPEN_TYPES } from './open-types.ts';
import { isRecord } from './parameters.ts';
import { isResourceType, RESOURCE_TYPES } from './resource-types.ts';

/** `_include` or `_revinclude`: the resources that `parameter` of `source` points to, or those that point by it. */
export interface Inclusion {
  readonly source: string;
  /** `*` (of `_include` alone): whatever it refers to. */
  readonly parameter: string;
  /** Only targets of this type. */
  readonly target: string | undefined;
  /** Also of what is included. */
  readonly iterates: boolean;
}

/** What a reference parameter points to, where its definition allows few types; the names mean the same for every type. */
const TARGETS: Readonly<Record<string, readonly string[]>> = {
  ...{ patient: ['Patient'], subject: ['Patient'], beneficiary: ['Patient'], subscriber: ['Patient'] },
  ...{ encounter: ['Encounter'], location: ['Location'], facility: ['Location'], coverage: ['Coverage'] },
  ...{ claim: ['Claim'], result: ['Observation'], medication: ['Medication'], prescription: ['MedicationRequest'] },
  ...{ practitioner: ['Practitioner'], organization: ['Organization'], 'service-provider': ['Organization'] },
  ...{ insurer: ['Organization'], payor: ['Organization'] },
};

/** The type that a chain goes on in where it does not say so itself. */
export function targetType(parameter: string): string | undefined {
  return TARGETS[parameter]?.[0];
}

/**
 * `Type:parameter`, `Type:parameter:Target`, `Type:*` or `*`; undefined for what is no inclusion that is carried out. A
 * search of `type` is included from, or pointed to.
 */
export function readInclusion(
  kind: '_include' | '_revinclude',
  type: string,
  value: string,
  iterates: boolean,
): Inclusion | undefined {
  if (value === '*')
    return kind === '_include' ? { source: type, parameter: '*', target: undefined, iterates } : undefined;
  const [source = '', parameter = '', target, ...more] = value.split(':');
  if (more.length > 0 || (target !== undefined && !isResourceType(target))) return undefined;
  const inclusion = { source, parameter, target, iterates };
  if (kind === '_revinclude') {
    if (iterates || (target !== undefined && target !== type)) return undefined;
    return revIncludesOf(type).includes(`${source}:${parameter}`) ? inclusion : undefined;
  }
  const isKnown = parameter === '*' || filterParameter(source, parameter)?.kind === 'reference';
  return isResourceType(source) && isKnown ? inclusion : undefined;
}

/** What `_include` knows of a type. */
export function includesOf(type: string): readonly string[] {
  const names = filterParameterNames(type).filter((name) => filterParameter(type, name)?.kind === 'reference');
  return ['*', ...names.map((name) => `${type}:${name}`)];
}

const POINTING: ReadonlyMap<string, readonly string[]> = new Map(
  [...RESOURCE_TYPES].sort().map((source) => [
    source,
    filterParameterNames(source).filter(
      // `subject` means the same as `patient`.
      (name) =>
        filterParameter(source, name)?.kind === 'reference' && TARGETS[name] !== undefined && name !== 'subject',
    ),
  ]),
);

/**
 * What `_revinclude` knows of a type: sources that lie in the same compartments, and what an index leads to. To search the
 * records of everybody for those that point to one hospital would cost too much.
 */
export function revIncludesOf(type: string): readonly string[] {
  const always = ['Provenance:target'];
  if (OPEN_TYPES.has(type)) return type === 'Practitioner' ? [...always, 'PractitionerRole:practitioner'] : always;
  if (!inPatientCompartment(type)) return always;
  const sources = [...POINTING].filter(([source]) => inPatientCompartment(source) && source !== 'Provenance');
  const found = sources.flatMap(([source, names]) =>
    names.filter((name) => TARGETS[name]?.includes(type)).map((name) => `${source}:${name}`),
  );
  return [...always, ...found];
}

/** Where a resource points to by the parameter, within this server. */
export function pointedTo(
  resource: Fields,
  { source, parameter, target }: Inclusion,
  baseUrl: string,
): ParsedReference[] {
  if (resource['resourceType'] !== source) return [];
  const references =
    parameter === '*'
      ? referencesIn(resource)
      : (filterParameter(source, parameter)?.paths ?? []).flatMap((path) => elementsAt(resource, path.split('.')));
  return references.flatMap((reference) => {
    const written = isRecord(reference) ? reference['reference'] : undefined;
    const parsed = typeof written === 'string' ? parseReference(written, baseUrl) : undefined;
    if (parsed?.kind !== 'literal' && parsed?.kind !== 'conditional') return [];
    return target === undefined || parsed.type === target ? [parsed] : [];
  });
}

function referencesIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isRecord(value)) return [];
  const inside = Object.values(value).flatMap(referencesIn);
  return typeof value['reference'] === 'string' ? [value, ...inside] : inside;
}
