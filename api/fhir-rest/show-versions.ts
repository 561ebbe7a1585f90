import { keyOf } from '../../store/fhir-store.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import type { RestContext } from './interaction.ts';

type ShowContext = Pick<RestContext, 'access' | 'store'>;

/**
 * These versions as the caller may see them. A tombstone holds nothing by which to tell whose it was to see: it is the
 * operator's. So is evidence.
 *
 * @param isCurrent they were just read as the newest ones
 */
export async function showVersions(
  context: ShowContext,
  versions: readonly StoredResource[],
  { isCurrent }: { readonly isCurrent: boolean },
): Promise<readonly StoredResource[]> {
  const { access } = context;
  const newest = access.isOperator || isCurrent ? undefined : await newestOf(context, versions);
  const shown: StoredResource[] = [];
  for (const version of versions) {
    if (version.deleted || version.evidence) {
      if (access.isOperator) shown.push(version);
      continue;
    }
    if (newest !== undefined && !(await isStillShown(context, version, newest.get(keyOf(version))))) continue;
    const visible = await access.show(version);
    if (visible !== undefined) shown.push(visible);
  }
  return shown;
}

/** What was corrected, deleted or labelled since is no longer a partner's to see in its former state. */
async function isStillShown(
  { access }: ShowContext,
  version: StoredResource,
  newest: StoredResource | undefined,
): Promise<boolean> {
  if (newest === undefined) return false;
  return newest.versionId === version.versionId || (await access.show(newest)) !== undefined;
}

async function newestOf(
  { store }: ShowContext,
  versions: readonly StoredResource[],
): Promise<ReadonlyMap<string, StoredResource>> {
  const keys = [...new Map(versions.map(({ type, id }) => [`${type}/${id}`, { type, id }])).values()];
  const newest = new Map<string, StoredResource>();
  for await (const resource of store.readMany(keys)) newest.set(keyOf(resource), resource);
  return newest;
}
