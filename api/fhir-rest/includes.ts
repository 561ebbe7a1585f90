import { inPatientCompartment } from '../../fhir/compartment.ts';
import type { ParsedReference } from '../../fhir/identifiers.ts';
import type { Fields } from '../../fhir/member-match.ts';
import { OPEN_TYPES } from '../../fhir/open-types.ts';
import { pointedTo } from '../../fhir/search-includes.ts';
import type { Inclusion } from '../../fhir/search-includes.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ResourceKey, StoredResource } from '../../store/fhir-store.ts';
import type { SearchScope } from '../../store/search-query.ts';
import type { RestContext } from './interaction.ts';
import type { ResultForm } from './result-parameters.ts';
import { allVisible, fulfils } from './search-pages.ts';
import type { VisiblePage } from './search-pages.ts';
import { showVersions } from './show-versions.ts';

/** How far `:iterate` goes. */
const MOST_STEPS = 5;
/** A partner's Provenances of what belongs to nobody are looked for with so many members. */
const MOST_COMPARTMENTS = 50;

/**
 * What `_include` and `_revinclude` bring beside the matches of a page: each resource once, as of the instant of the page,
 * and as the caller may see it. References are those of what is shown.
 */
export async function includedWith(
  context: RestContext,
  { includes, revIncludes }: Pick<ResultForm, 'includes' | 'revIncludes'>,
  { resources, asOf }: VisiblePage,
): Promise<readonly StoredResource[]> {
  const seen = new Set(resources.map(keyOf));
  const found: StoredResource[] = [];
  const add = (more: readonly StoredResource[]): readonly StoredResource[] => {
    const fresh = more.filter((resource) => !seen.has(keyOf(resource)));
    for (const resource of fresh) seen.add(keyOf(resource));
    found.push(...fresh);
    return fresh;
  };
  for (const inclusion of revIncludes) add(await pointingTo(context, inclusion, resources, asOf));
  const iterating = includes.filter(({ iterates }) => iterates);
  let last = add(await targetsOf(context, includes, resources, asOf, seen));
  if (iterating.length > 0) last = [...last, ...found];
  for (let step = 1; step < MOST_STEPS && iterating.length > 0 && last.length > 0; step++) {
    last = add(await targetsOf(context, iterating, last, asOf, seen));
  }
  return found;
}

async function targetsOf(
  context: RestContext,
  includes: readonly Inclusion[],
  from: readonly StoredResource[],
  asOf: string,
  seen: ReadonlySet<string>,
): Promise<readonly StoredResource[]> {
  if (includes.length === 0) return [];
  const keys = new Map<string, ResourceKey>();
  for (const resource of from) {
    const fields = JSON.parse(resource.text) as Fields;
    for (const inclusion of includes) {
      for (const reference of pointedTo(fields, inclusion, context.baseUrl)) {
        const key = await keyOfReference(context, reference);
        if (key !== undefined && context.access.allows(key.type, 'r')) keys.set(keyOf(key), key);
      }
    }
  }
  const wanted = [...keys.values()].filter((key) => !seen.has(keyOf(key)));
  return shownAt(context, wanted, asOf);
}

async function keyOfReference({ store }: RestContext, reference: ParsedReference): Promise<ResourceKey | undefined> {
  if (reference.kind === 'literal') return { type: reference.type, id: reference.id };
  if (reference.kind !== 'conditional' || reference.identifier === undefined) return undefined;
  const [key, ...others] = await store.findByIdentifier(reference.type, reference.identifier);
  return others.length === 0 ? key : undefined;
}

async function shownAt(
  context: RestContext,
  keys: readonly ResourceKey[],
  asOf: string,
): Promise<readonly StoredResource[]> {
  const versions: StoredResource[] = [];
  for await (const version of context.store.readMany(keys, { asOf })) versions.push(version);
  return showVersions(context, versions, { isCurrent: false });
}

async function pointingTo(
  context: RestContext,
  inclusion: Inclusion,
  found: readonly StoredResource[],
  asOf: string,
): Promise<readonly StoredResource[]> {
  const wanted = new Set(found.map(keyOf));
  const points = (resource: Fields): boolean =>
    pointedTo(resource, inclusion, context.baseUrl).some((to) => to.kind === 'literal' && wanted.has(keyOf(to)));
  const pointing: StoredResource[] = [];
  for (const scope of await scopesOf(context, inclusion, found)) {
    const plan = { scope: { ...scope, asOf, where: points }, verify: points, onePage: false };
    for await (const resource of allVisible(context, plan)) pointing.push(resource);
  }
  if (inclusion.source === 'Provenance') pointing.push(...(await withImport(context, found, points, asOf)));
  return pointing;
}

/** Where those can lie that point to what was found. */
async function scopesOf(
  { access }: RestContext,
  { source }: Inclusion,
  found: readonly StoredResource[],
): Promise<readonly SearchScope[]> {
  if (!inPatientCompartment(source)) {
    return [{ type: source, names: [{ part: 'practitioner', anyOf: found.map(({ id }) => id) }] }];
  }
  const owners = new Set(found.flatMap(({ patientId }) => patientId ?? []));
  if (!access.isOperator && found.some(({ patientId }) => patientId === undefined)) {
    const reached = (await access.compartments()) ?? [];
    if (reached.length <= MOST_COMPARTMENTS) for (const id of reached) owners.add(id);
  }
  if (owners.size === 0) return [];
  return [{ type: source, patientIds: [...owners], ...(access.isOperator && { includeEvidence: true }) }];
}

/** Of what belongs to nobody: the Provenances that came with it. */
async function withImport(
  context: RestContext,
  found: readonly StoredResource[],
  points: (resource: Fields) => boolean,
  asOf: string,
): Promise<readonly StoredResource[]> {
  const exchanges = new Set(found.flatMap(({ type, exchangeId }) => (OPEN_TYPES.has(type) ? (exchangeId ?? []) : [])));
  const keys: ResourceKey[] = [];
  for (const exchangeId of exchanges) {
    const ids = await context.store.generatedIds(exchangeId, 'Provenance');
    keys.push(...ids.map((id) => ({ type: 'Provenance', id })));
  }
  return (await shownAt(context, keys, asOf)).filter((resource) => fulfils(resource, points));
}
