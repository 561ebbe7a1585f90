import { heartbeat } from '@temporalio/activity';
import { SHARED_TYPES } from '../../fhir/compartment.ts';
import { referenceTargets } from '../../fhir/import-references.ts';
import type { ResourceKey } from '../../store/fhir-store.ts';
import { keyOf } from '../../store/fhir-store.ts';
import type { ResponderDeps } from './deps.ts';
import { compartmentQuery, exportScope } from './export-scope.ts';

export interface FrozenScope {
  /** Types of which there is something to write, ordered. */
  readonly types: readonly string[];
}

/** How far references of shared resources to other shared ones are followed: a role, its practitioner, an organization above. */
const REFERENCE_DEPTH = 5;
const HEARTBEAT_EVERY = 500;

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
    const found = new Set<string>();
    const targets = new Map<string, ResourceKey>();
    let scanned = 0;
    // Without _since: an unchanged record may refer to a practitioner that has changed.
    for await (const resource of fhir.memberCompartment({ ...compartmentQuery(job, scope, []), since: undefined })) {
      if (++scanned % HEARTBEAT_EVERY === 0) heartbeat({ scanned });
      found.add(resource.type);
      await collect(deps, resource.text, targets);
    }
    const shared = await followShared(deps, targets, transactionTime);
    await jobs.addReferences(jobId, shared);
    for (const { type } of shared) found.add(type);
    const wanted = (type: string): boolean =>
      (job.types.length === 0 || job.types.includes(type)) &&
      (settings.types === undefined || settings.types.includes(type));
    return { types: [...found].filter(wanted).sort() };
  };
}

/** The shared resources that a record's References lead to, literally or by an identifier. */
async function collect({ fhir }: ResponderDeps, text: string, into: Map<string, ResourceKey>): Promise<void> {
  const { literals, conditionals } = referenceTargets(text, '');
  for (const { type, originalId: id } of literals) {
    if (SHARED_TYPES.has(type) || type === 'Device') into.set(`${type}/${id}`, { type, id });
  }
  for (const { type, system, value } of conditionals) {
    const word = `${type}?${system}|${value}`;
    if (into.has(word)) continue;
    const [key, ...others] = await fhir.findByIdentifier(type, { system, value });
    if (key !== undefined && others.length === 0) into.set(word, key);
  }
}

async function followShared(
  deps: ResponderDeps,
  targets: Map<string, ResourceKey>,
  asOf: string,
): Promise<readonly ResourceKey[]> {
  const here = new Map<string, ResourceKey>();
  let open = [...targets.values()];
  for (let depth = 0; depth < REFERENCE_DEPTH && open.length > 0; depth++) {
    const more = new Map<string, ResourceKey>();
    for await (const resource of deps.fhir.readMany(open, { asOf })) {
      // One with an owner is a record of a member, and goes with that member alone.
      if (resource.patientId !== undefined || resource.deleted || resource.evidence) continue;
      here.set(keyOf(resource), { type: resource.type, id: resource.id });
      await collect(deps, resource.text, more);
      heartbeat({ shared: here.size });
    }
    open = [...more.values()].filter((key) => !here.has(keyOf(key)));
  }
  return [...here.values()];
}
