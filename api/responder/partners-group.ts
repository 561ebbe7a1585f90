import { groupOfMembers, namedMembers } from '../../fhir/group-members.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import type { Caller } from '../auth.ts';
import { matchedOf, namesPartner } from './export-group.ts';
import type { GroupDeps } from './export-group.ts';

/**
 * A Group as a partner may read and find it: one of ours that names the partner's Organization, with the members whom the
 * partner has matched (pdex-160 to 163). Undefined for any other: what a Group is called may tell of who belongs to it.
 */
export async function partnersGroup(
  deps: Pick<GroupDeps, 'fhir' | 'matches' | 'now'>,
  caller: Caller,
  { text, origin }: StoredResource,
): Promise<string | undefined> {
  const group: unknown = JSON.parse(text);
  if (!isRecord(group) || origin !== 'native' || !(await namesPartner(deps, caller, group))) return undefined;
  return groupOfMembers(text, group, new Set(await matchedOf(deps, caller.clientId, namedMembers(group))));
}
