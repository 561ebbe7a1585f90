import { isSensitive } from '../../fhir/consent.ts';
import { isRecord } from '../../fhir/parameters.ts';
import { SHARED_TYPES } from '../../fhir/compartment.ts';
import type { FhirStore, StoredResource } from '../../store/fhir-store.ts';
import type { Match, MatchStore } from '../../store/matches.ts';
import type { Caller } from '../auth.ts';

export interface Visibility {
  /** Matches of a partner by Patient, linked compartments included, whose consent is in force now. */
  reachable(clientId: string): Promise<ReadonlyMap<string, Match>>;
  /** The resource as the caller may see it; undefined where it may not. Every resource that goes out passes here. */
  show(caller: Caller, resource: StoredResource): Promise<StoredResource | undefined>;
}

/** Shared types that tell nothing of a member by themselves. */
const OPEN_SHARED: ReadonlySet<string> = new Set([
  ...['Organization', 'Practitioner', 'PractitionerRole', 'Location', 'Medication', 'Endpoint', 'HealthcareService'],
  ...['InsurancePlan', 'OrganizationAffiliation', 'Substance', 'Questionnaire'].filter((type) =>
    SHARED_TYPES.has(type),
  ),
]);

/** The one place that decides what goes out: to the operator everything, to a partner what its matches and consents let through. */
export function createVisibility(fhir: FhirStore, matches: MatchStore, now: () => Date): Visibility {
  const reachable = async (clientId: string): Promise<ReadonlyMap<string, Match>> => {
    const found = new Map<string, Match>();
    for (const match of await matches.inForce(clientId, now())) {
      for (const id of await fhir.linkedPatients(match.patientId)) found.set(id, match);
    }
    return found;
  };
  return {
    reachable,
    async show(caller, resource) {
      if (caller.kind === 'operator') return resource;
      if (resource.evidence || resource.deleted) return undefined;
      if (resource.patientId === undefined) return OPEN_SHARED.has(resource.type) ? resource : undefined;
      const match = (await reachable(caller.clientId)).get(resource.patientId);
      return match !== undefined && letsThrough(match, resource) ? resource : undefined;
    },
  };
}

/** What a consent for regular data leaves out: records that are labelled as sensitive. */
export function letsThrough({ policy }: Pick<Match, 'policy'>, resource: StoredResource): boolean {
  if (policy === 'sensitive') return true;
  const parsed: unknown = JSON.parse(resource.text);
  return !isRecord(parsed) || !isSensitive(parsed);
}
