import { createDirectory } from '../../cli/sample-members/directory.ts';
import { sharedResources } from '../../cli/sample-members/generate.ts';
import { resourcesOf } from '../data.ts';
import type { SetSize } from '../data.ts';
import type { SampleResource } from '../../cli/sample-members/resource.ts';

/** How many resources one Bundle holds. */
const PER_TRANSACTION = 200;

/**
 * The resources of a set as transaction Bundles: what a resource refers to comes with it or before it; before it what is
 * referred to by identifier, which HAPI FHIR finds among what it has already.
 */
export function transactionsOf(size: SetSize): readonly string[] {
  const resources: SampleResource[] = [];
  for (const resource of resourcesOf(size)) {
    resources.push(resource);
    if (resources.length >= (size.resources ?? Infinity)) break;
  }
  const shared = [...sharedResources(createDirectory(size.name))].length;
  return [...bundlesOf(resources.slice(0, shared)), ...bundlesOf(targetsFirst(resources.slice(shared)))];
}

function bundlesOf(resources: readonly SampleResource[]): string[] {
  const count = Math.ceil(resources.length / PER_TRANSACTION);
  return Array.from({ length: count }, (_, n) =>
    bundle(resources.slice(n * PER_TRANSACTION, (n + 1) * PER_TRANSACTION)),
  );
}

/** Of a circle of references, one of them has to point forward. */
export function targetsFirst(resources: readonly SampleResource[]): readonly SampleResource[] {
  const byKey = new Map(resources.map((resource) => [`${resource.type}/${resource.id}`, resource]));
  const ordered = new Set<SampleResource>();
  const seen = new Set<SampleResource>();
  for (const start of resources) {
    const open = [start];
    for (let resource = open.at(-1); resource !== undefined; resource = open.at(-1)) {
      const targets = seen.has(resource) ? [] : targetsOf(resource, byKey).filter((target) => !seen.has(target));
      seen.add(resource);
      open.push(...targets);
      if (targets.length > 0) continue;
      ordered.add(resource);
      open.pop();
    }
  }
  return [...ordered];
}

function targetsOf({ text }: SampleResource, byKey: ReadonlyMap<string, SampleResource>): SampleResource[] {
  return [...text.matchAll(/"reference"\s*:\s*"([A-Za-z]+\/[A-Za-z0-9.-]+)/g)].flatMap(
    ([, reference = '']) => byKey.get(reference) ?? [],
  );
}

function bundle(resources: readonly SampleResource[]): string {
  const entries = resources.map(
    ({ type, id, text }) => `{"resource":${text},"request":{"method":"PUT","url":"${type}/${id}"}}`,
  );
  return `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`;
}
