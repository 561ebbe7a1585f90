import { candidateNames } from '../../fhir/matching.ts';
import type { CandidateNames, MatchCandidate, MatchField } from '../../fhir/matching.ts';
import { listOf, memberNumbers, memberNumbersOfPatient } from '../../fhir/member-match.ts';
import type { Fields, MatchRequest } from '../../fhir/member-match.ts';
import { isRecord } from '../../fhir/parameters.ts';
import type { FhirStore, StoredResource } from '../../store/fhir-store.ts';

const PAGE = 200;

/**
 * The native members whom a request may mean: those who share a number with it; where the operator asks for no number to
 * agree, those who share a birth date or a family name, or both where both must agree.
 */
export async function candidatesOf(
  request: MatchRequest,
  fhir: FhirStore,
  require: readonly MatchField[] | undefined,
): Promise<readonly MatchCandidate[]> {
  const needsNumber =
    require === undefined || require.some((field) => ['memberId', 'subscriberId', 'coverageId'].includes(field));
  const ids = needsNumber ? await byNumber(request, fhir) : await byName(candidateNames(request, require), fhir);
  const candidates: MatchCandidate[] = [];
  for await (const stored of fhir.readMany(ids.map((id) => ({ type: 'Patient', id })))) {
    const candidate = await candidateOf(stored, fhir);
    if (candidate !== undefined) candidates.push(candidate);
  }
  return candidates;
}

async function byNumber(request: MatchRequest, fhir: FhirStore): Promise<readonly string[]> {
  const numbers = [
    ...memberNumbers(request.coverage),
    ...memberNumbersOfPatient(request.patient).map(({ value }) => value),
  ];
  const ids = new Set<string>();
  for (const value of new Set(numbers)) {
    for (const { id } of await fhir.findByIdentifier('Patient', { value })) ids.add(id);
    for await (const coverage of fhir.readMany(await fhir.findByIdentifier('Coverage', { value }))) {
      if (coverage.patientId !== undefined) ids.add(coverage.patientId);
    }
  }
  return [...ids];
}

async function byName(name: CandidateNames, fhir: FhirStore): Promise<readonly string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await fhir.search({
      type: 'Patient',
      names: [name],
      count: PAGE,
      ...(after !== undefined && { after }),
    });
    ids.push(...page.resources.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

/** What another payer sent us of a member is no member of ours; one who is no longer active is still to be found. */
async function candidateOf(stored: StoredResource, fhir: FhirStore): Promise<MatchCandidate | undefined> {
  const patient: unknown = JSON.parse(stored.text);
  if (stored.origin !== 'native' || !isRecord(patient)) return undefined;
  if (listOf(patient, 'link').some(({ type }) => type === 'replaced-by')) return undefined;
  const coverages: Fields[] = [];
  const query = { patientIds: [stored.id], types: ['Coverage'], origin: 'native' } as const;
  for await (const coverage of fhir.memberCompartment(query)) {
    const parsed: unknown = JSON.parse(coverage.text);
    if (isRecord(parsed)) coverages.push(parsed);
  }
  return { patient, coverages };
}
