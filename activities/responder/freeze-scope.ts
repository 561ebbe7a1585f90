import { referenceTargets } from '../../fhir/import-references.ts';
import type { Disclosed } from '../../fhir/disclosure.ts';
import type { ResourceKey, StoredResource } from '../../store/fhir-store.ts';
import { keyOf } from '../../store/fhir-store.ts';
import { alive } from './alive.ts';
import type { ResponderDeps } from './deps.ts';
import { compartmentQuery, exportScope, isShared } from './export-scope.ts';
import type { ExportScope } from './export-scope.ts';
import { isTransmitted } from './transmission.ts';
import { WithheldTally } from './withheld-tally.ts';

export interface FrozenScope {
  /** Types of which there is something to write, ordered. */
  readonly types: readonly string[];
}

/** How far references of shared resources to other shared ones are followed: a role, its practitioner, an organization above. */
const REFERENCE_DEPTH = 5;

/** What was found, by the words of the references that led there; null where a reference leads nowhere. */
type Targets = Map<string, ResourceKey | null>;

/**
 * Fixes the instant of the export, and finds what its records refer to outside the members' compartments: a record without
 * its practitioner or organization dangles at the other payer. Run again, it keeps the instant that it had given.
 */
export function freezeScope(deps: ResponderDeps) {
  return async (jobId: string): Promise<FrozenScope> => {
    const { jobs, fhir, settings } = deps;
    const fresh = await jobs.load(jobId);
    const transactionTime = fresh.transactionTime ?? (await fhir.freeze());
    await jobs.change(jobId, { state: 'running', progress: 'scope', transactionTime });
    const job = { ...fresh, transactionTime };
    const scope = await exportScope(deps, job);
    const isAsked = (type: string): boolean =>
      (job.types.length === 0 || job.types.includes(type)) &&
      (settings.types === undefined || settings.types.includes(type));
    const tally = new WithheldTally();
    const count = (resource: StoredResource, disclosed: Disclosed): void => {
      const isNew = job.since === undefined || resource.lastUpdated > job.since.toISOString();
      if (isNew && isAsked(resource.type)) tally.add(resource.type, disclosed);
    };
    const found = new Set<string>();
    const targets: Targets = new Map();
    // Without _since: an unchanged record may refer to a practitioner that has changed.
    const records = fhir.memberCompartment({ ...compartmentQuery(job, scope, []), since: undefined });
    for await (const resource of alive(records)) {
      await scope.stillInForce();
      const disclosed = await scope.disclose(resource);
      if (disclosed === undefined) continue;
      count(resource, disclosed);
      if (disclosed.kind === 'withheld') continue;
      found.add(resource.type);
      await collect(deps, disclosed.text, targets);
    }
    const own = settings.ownOrganizationId;
    if (found.size > 0 && own !== undefined && isTransmitted(job, settings)) {
      targets.set(`Organization/${own}`, { type: 'Organization', id: own });
    }
    const shared = await followShared(deps, scope, targets, transactionTime, count);
    await jobs.addReferences(jobId, shared);
    for (const { type } of shared) found.add(type);
    await jobs.change(jobId, { withheld: tally.counts() });
    tally.tell(deps.countWithheld);
    return { types: [...found].filter(isAsked).sort() };
  };
}

/** The shared resources that a record's References lead to, literally or by an identifier. */
async function collect({ fhir }: ResponderDeps, text: string, into: Targets): Promise<void> {
  const { literals, conditionals } = referenceTargets(text, '');
  for (const { type, originalId: id } of literals) {
    if (isShared(type)) into.set(`${type}/${id}`, { type, id });
  }
  for (const { type, system, value } of conditionals) {
    const word = `${type}?${system}|${value}`;
    if (!isShared(type) || into.has(word)) continue;
    const [key, ...others] = await fhir.findByIdentifier(type, { system, value });
    into.set(word, key !== undefined && others.length === 0 ? key : null);
  }
}

async function followShared(
  deps: ResponderDeps,
  scope: ExportScope,
  targets: Targets,
  asOf: string,
  count: (resource: StoredResource, disclosed: Disclosed) => void,
): Promise<readonly ResourceKey[]> {
  const here = new Map<string, ResourceKey>();
  let open = keysOf(targets);
  for (let depth = 0; depth < REFERENCE_DEPTH && open.length > 0; depth++) {
    const more: Targets = new Map();
    for await (const resource of alive(deps.fhir.readMany(open, { asOf }))) {
      // One with an owner is a record of a member, and goes with that member alone.
      const disclosed = resource.patientId === undefined ? await scope.disclose(resource) : undefined;
      if (disclosed === undefined) continue;
      count(resource, disclosed);
      if (disclosed.kind === 'withheld') continue;
      here.set(keyOf(resource), { type: resource.type, id: resource.id });
      await collect(deps, disclosed.text, more);
    }
    open = keysOf(more).filter((key) => !here.has(keyOf(key)));
  }
  return [...here.values()];
}

function keysOf(targets: Targets): ResourceKey[] {
  const keys = [...targets.values()].filter((key) => key !== null);
  return [...new Map(keys.map((key) => [keyOf(key), key])).values()];
}
