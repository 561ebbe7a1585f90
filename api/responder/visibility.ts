import type { Disclosure, PartnerContext, WithheldReason } from '../../fhir/disclosure.ts';
import { frozenRecord } from '../../fhir/frozen-record.ts';
import type { Fields } from '../../fhir/member-match.ts';
import { goesAlong } from '../../fhir/open-types.ts';
import { deniedRequests } from '../../store/denied-requests.ts';
import type { FhirStore, StoredResource } from '../../store/fhir-store.ts';
import type { Match, MatchStore } from '../../store/matches.ts';
import type { Caller } from '../auth.ts';
import { partnersGroup } from './partners-group.ts';

export interface Visibility {
  /** The partner's match, with a consent in force now, of the member who has this compartment; a linked one is as good. */
  matchOf(caller: Caller, patientId: string): Promise<Match | undefined>;
  reaches(caller: Caller, patientId: string): Promise<boolean>;
  /** The resource as the caller may see it; undefined where it may not. Every resource that goes out passes here. */
  show(caller: Caller, resource: StoredResource): Promise<StoredResource | undefined>;
  /** All compartments of the members that a partner has matched; undefined where there are too many to search in. */
  compartments(caller: Caller): Promise<readonly string[] | undefined>;
}

/** Members whose records one search may look through. */
const MOST_MEMBERS = 1000;

export interface VisibilityDeps {
  readonly fhir: FhirStore;
  readonly matches: MatchStore;
  readonly disclosure: Disclosure;
  /** For the operator's metrics. */
  readonly countWithheld: (reason: WithheldReason, count: number) => void;
  readonly now: () => Date;
}

/**
 * Who reaches what by read, search, history and Bundle: the operator everything, a partner the members that it has matched
 * with a consent in force, its own Groups, and what tells of no member. What becomes of it then is `Disclosure`'s, as in exports.
 */
export function createVisibility(deps: VisibilityDeps): Visibility {
  const { fhir, matches, disclosure, countWithheld, now } = deps;
  const lookUp = async (clientId: string, patientId: string): Promise<Match | undefined> => {
    const [direct] = await matches.inForce(clientId, now(), [patientId]);
    if (direct !== undefined) return direct;
    const linked = (await fhir.linkedPatients(patientId)).filter((id) => id !== patientId);
    const [match] = linked.length === 0 ? [] : await matches.inForce(clientId, now(), linked);
    return match;
  };
  // A caller is made anew for each request: within one, a member is looked up once.
  const matchOf = oncePerCaller((caller, patientId) => lookUp(caller.clientId, patientId));
  const contextOf = oncePerCaller(async (caller, patientId): Promise<PartnerContext | undefined> => {
    const match = await matchOf(caller, patientId);
    return match && memberContext(deps, match);
  });
  /** Undefined where a partner does not reach the resource at all. */
  const reached = async (caller: Caller, resource: StoredResource): Promise<PartnerContext | undefined> => {
    if (resource.evidence || resource.deleted) return undefined;
    if (resource.patientId !== undefined) return contextOf(caller, resource.patientId);
    return goesAlong(resource.type) || resource.type === 'Group' ? openContext(now()) : undefined;
  };
  const compartmentsOf = oncePerCaller(async ({ clientId, kind }) => {
    if (kind === 'operator') return undefined;
    const members = await matches.inForce(clientId, now(), undefined, MOST_MEMBERS + 1);
    if (members.length > MOST_MEMBERS) return undefined;
    const linked = await fhir.linkedPatientsOf(members.map(({ patientId }) => patientId));
    return [...new Set([...linked.values()].flat())];
  });
  return {
    matchOf,
    reaches: async (caller, patientId) =>
      caller.kind === 'operator' || (await matchOf(caller, patientId)) !== undefined,
    compartments: (caller) => compartmentsOf(caller, ''),
    async show(caller, resource) {
      if (caller.kind === 'operator' && resource.deleted) return resource;
      const partner = caller.kind === 'partner' ? await reached(caller, resource) : undefined;
      if (caller.kind === 'partner' && partner === undefined) return undefined;
      const isGroup = caller.kind === 'partner' && resource.type === 'Group';
      const text = isGroup ? await partnersGroup(deps, caller, resource) : resource.text;
      if (text === undefined) return undefined;
      const disclosed = await disclosure.disclose(text, { clientId: caller.clientId, partner });
      if (disclosed.kind === 'withheld') {
        countWithheld(disclosed.reason, 1);
        return undefined;
      }
      for (const reason of disclosed.masked) countWithheld(reason, 1);
      return { ...resource, text: disclosed.text };
    },
  };
}

function memberContext({ fhir, matches, now }: VisibilityDeps, match: Match): PartnerContext {
  let consents: Promise<readonly Fields[]> | undefined;
  let denied: Promise<ReadonlySet<string>> | undefined;
  return {
    ...{ policy: match.policy, asOf: now() },
    consents: () => (consents ??= matches.consentOf(match.id).then((text) => [frozenRecord(text)])),
    deniedRequests: () =>
      (denied ??= fhir.linkedPatients(match.patientId).then((patientIds) => deniedRequests(fhir, patientIds))),
  };
}

/** What belongs to no member is read under no consent. */
function openContext(asOf: Date): PartnerContext {
  return {
    ...{ policy: 'regular', asOf },
    consents: () => Promise.resolve([]),
    deniedRequests: () => Promise.resolve(new Set()),
  };
}

function oncePerCaller<T>(find: (caller: Caller, patientId: string) => Promise<T>): typeof find {
  const known = new WeakMap<Caller, Map<string, Promise<T>>>();
  return (caller, patientId) => {
    const ofCaller = known.get(caller) ?? new Map<string, Promise<T>>();
    known.set(caller, ofCaller);
    const found = ofCaller.get(patientId) ?? find(caller, patientId);
    ofCaller.set(patientId, found);
    return found;
  };
}
