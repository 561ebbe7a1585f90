import { ExchangeError } from '../../fhir/errors.ts';
import { groupMembers, namedOrganizations } from '../../fhir/group-members.ts';
import { identifiersOf } from '../../fhir/identifiers.ts';
import type { BusinessIdentifier } from '../../fhir/identifiers.ts';
import type { Fields } from '../../fhir/member-match.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import type { MatchStore } from '../../store/matches.ts';
import type { Caller } from '../auth.ts';

export interface GroupDeps {
  readonly fhir: FhirStore;
  readonly matches: MatchStore;
  /** Our own Organization: its id, or one of its identifier values. */
  readonly ownOrganization: string | undefined;
  readonly now: () => Date;
}

export interface ExportableGroup {
  /** Who belongs to it now. */
  readonly members: readonly string[];
}

const MEMBERS_AT_ONCE = 500;

/**
 * A Group that the caller may export. One that names payers is there for those alone; one that names none, or us, is there
 * for every partner, who gets of it the members whom it has matched (pdex-160 to 163).
 * @throws ExchangeError `not-found`
 */
export async function exportableGroup(deps: GroupDeps, caller: Caller, id: string): Promise<ExportableGroup> {
  const stored = await deps.fhir.read('Group', id);
  const group: unknown = stored === undefined || stored.deleted ? undefined : JSON.parse(stored.text);
  if (!isRecord(group) || stored?.origin !== 'native') throw new ExchangeError('not-found');
  if (caller.kind === 'partner' && !(await isFor(deps, caller.organizationId, group))) {
    throw new ExchangeError('not-found');
  }
  return { members: groupMembers(group, deps.now()) };
}

/** Those of the Patients whom the partner has matched, with a consent in force now; a linked one is as good. */
export async function matchedOf(
  { fhir, matches, now }: Pick<GroupDeps, 'fhir' | 'matches' | 'now'>,
  clientId: string,
  patientIds: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let at = 0; at < patientIds.length; at += MEMBERS_AT_ONCE) {
    const linked = await fhir.linkedPatientsOf(patientIds.slice(at, at + MEMBERS_AT_ONCE));
    const inForce = await matches.inForce(clientId, now(), [...new Set([...linked.values()].flat())]);
    const matched = new Set(inForce.map(({ patientId }) => patientId));
    for (const [id, ids] of linked) if (ids.some((each) => matched.has(each))) found.push(id);
  }
  return found;
}

/** Whether a Group names the partner's Organization: the ones that are the partner's own (S10). */
export async function namesPartner(deps: Pick<GroupDeps, 'fhir'>, caller: Caller, group: Fields): Promise<boolean> {
  const partner = await organizationsOf(deps, caller.kind === 'partner' ? caller.organizationId : undefined);
  return partner.size > 0 && (await payersOf(deps, group)).some((payer) => partner.has(payer));
}

async function isFor(deps: GroupDeps, organizationId: string | undefined, group: Fields): Promise<boolean> {
  const own = await organizationsOf(deps, deps.ownOrganization);
  const payers = (await payersOf(deps, group)).filter((payer) => !own.has(payer));
  const partner = await organizationsOf(deps, organizationId);
  return payers.length === 0 || payers.some((payer) => partner.has(payer));
}

/** A reference to nobody whom we know still names a payer, who is none of our partners. */
const UNKNOWN = '';

async function payersOf(deps: Pick<GroupDeps, 'fhir'>, group: Fields): Promise<readonly string[]> {
  const payers: string[] = [];
  for (const { id, identifiers } of namedOrganizations(group)) {
    const found = id === undefined ? await byIdentifiers(deps, identifiers) : [id];
    payers.push(...(found.length > 0 ? found : [UNKNOWN]));
  }
  // An identifier of the Group may be anything; that of an Organization says for whom it is.
  return [...payers, ...(await byIdentifiers(deps, identifiersOf(group)))];
}

async function byIdentifiers(
  { fhir }: Pick<GroupDeps, 'fhir'>,
  identifiers: readonly BusinessIdentifier[],
): Promise<string[]> {
  const found = await Promise.all(identifiers.map((each) => fhir.findByIdentifier('Organization', each)));
  return found.flat().map(({ id }) => id);
}

/** An `organizationId` is an Organization's id or one of its identifier values. */
async function organizationsOf(
  { fhir }: Pick<GroupDeps, 'fhir'>,
  idOrValue: string | undefined,
): Promise<ReadonlySet<string>> {
  if (idOrValue === undefined) return new Set();
  const byValue = await fhir.findByIdentifier('Organization', { value: idOrValue });
  return new Set([idOrValue, ...byValue.map(({ id }) => id)]);
}
