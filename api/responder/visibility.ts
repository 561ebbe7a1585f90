import { isSensitive } from '../../fhir/consent.ts';
import { OPEN_TYPES } from '../../fhir/open-types.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { FhirStore, StoredResource } from '../../store/fhir-store.ts';
import type { Match, MatchStore } from '../../store/matches.ts';
import type { Caller } from '../auth.ts';

export interface Visibility {
  /** The partner's match, with a consent in force now, of the member who has this compartment; a linked one is as good. */
  matchOf(caller: Caller, patientId: string): Promise<Match | undefined>;
  /** True if the caller may read the resource. */
  mayRead(caller: Caller, resource: StoredResource): Promise<boolean>;
  /** The resource as the caller may see it; undefined where it may not. Every resource that goes out passes here. */
  show(caller: Caller, resource: StoredResource): Promise<StoredResource | undefined>;
}

/** The one place that decides what goes out: to the operator everything, to a partner what its matches and consents let through. */
export function createVisibility(fhir: FhirStore, matches: MatchStore, now: () => Date): Visibility {
  const lookUp = async (clientId: string, patientId: string): Promise<Match | undefined> => {
    const [direct] = await matches.inForce(clientId, now(), [patientId]);
    if (direct !== undefined) return direct;
    const linked = (await fhir.linkedPatients(patientId)).filter((id) => id !== patientId);
    const [match] = linked.length === 0 ? [] : await matches.inForce(clientId, now(), linked);
    return match;
  };
  // A caller is made anew for each request: within one, a member is looked up once.
  const known = new WeakMap<Caller, Map<string, Promise<Match | undefined>>>();
  const matchOf = (caller: Caller, patientId: string): Promise<Match | undefined> => {
    const ofCaller = known.get(caller) ?? new Map<string, Promise<Match | undefined>>();
    known.set(caller, ofCaller);
    const match = ofCaller.get(patientId) ?? lookUp(caller.clientId, patientId);
    ofCaller.set(patientId, match);
    return match;
  };
  const mayRead = async (caller: Caller, resource: StoredResource): Promise<boolean> => {
    if (caller.kind === 'operator') return true;
    if (resource.evidence || resource.deleted) return false;
    if (resource.patientId === undefined) return OPEN_TYPES.has(resource.type);
    const match = await matchOf(caller, resource.patientId);
    return match !== undefined && letsThrough(match, resource);
  };
  return {
    matchOf,
    mayRead,
    show: async (caller, resource) => ((await mayRead(caller, resource)) ? resource : undefined),
  };
}

/** What a consent for regular data leaves out: records that are labelled as sensitive. */
export function letsThrough({ policy }: Match, resource: StoredResource): boolean {
  if (policy === 'sensitive') return true;
  const parsed: unknown = JSON.parse(resource.text);
  return !isRecord(parsed) || !isSensitive(parsed);
}
