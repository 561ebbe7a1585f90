import { isRecord } from '../fhir/parameters.ts';
import { deniedRequestOf } from '../fhir/prior-authorization.ts';
import type { FhirStore } from './fhir-store.ts';

/**
 * The Claims (`Claim/id`) of these compartments that asked for a prior authorization and were denied it: the decision stands
 * in another resource than the request.
 */
export async function deniedRequests(fhir: FhirStore, patientIds: readonly string[]): Promise<ReadonlySet<string>> {
  const denied = new Set<string>();
  const decisions = fhir.memberCompartment({ patientIds, types: ['ClaimResponse', 'ExplanationOfBenefit'] });
  for await (const { text } of decisions) {
    if (!text.includes('preauthorization')) continue;
    const resource: unknown = JSON.parse(text);
    const request = isRecord(resource) ? deniedRequestOf(resource) : undefined;
    if (request !== undefined) denied.add(request);
  }
  return denied;
}
