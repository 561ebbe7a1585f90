import type { Fields, MatchRequest } from './member-match.ts';
import { listOf, memberNumbers } from './member-match.ts';

/** What may be asked to agree (configuration: `matching.require`). */
export type MatchField = 'memberId' | 'subscriberId' | 'coverageId' | 'family' | 'given' | 'birthDate' | 'gender';

/** A native member who shares a number with the request, with all the coverages that we hold of them. */
export interface MatchCandidate {
  readonly patient: Fields;
  readonly coverages: readonly Fields[];
}

export type MatchDecision =
  | { readonly kind: 'matched'; readonly candidate: MatchCandidate }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous' };

/**
 * Who is meant. A false positive discloses a member's record to a payer that has no right to it, a false negative costs a
 * phone call: so by default a number of the card, family, one given name and birth date must all agree, and gender may
 * not contradict. Names agree whatever their case, accents and punctuation; nothing is guessed.
 */
export function decideMatch(
  request: MatchRequest,
  candidates: readonly MatchCandidate[],
  require?: readonly MatchField[],
): MatchDecision {
  const matching = candidates.filter((candidate) => agrees(request, candidate, require));
  const [candidate, ...others] = matching;
  if (candidate === undefined) return { kind: 'none' };
  return others.length > 0 ? { kind: 'ambiguous' } : { kind: 'matched', candidate };
}

function agrees(request: MatchRequest, candidate: MatchCandidate, require: readonly MatchField[] | undefined): boolean {
  if (require !== undefined) return require.every((field) => FIELDS[field](request, candidate));
  const byDefault: readonly MatchField[] = ['family', 'given', 'birthDate'];
  const number = FIELDS.memberId(request, candidate) || FIELDS.subscriberId(request, candidate);
  return (
    number && byDefault.every((field) => FIELDS[field](request, candidate)) && !contradictsGender(request, candidate)
  );
}

const FIELDS: Readonly<Record<MatchField, (request: MatchRequest, candidate: MatchCandidate) => boolean>> = {
  memberId: ({ coverage, patient }, candidate) => {
    const wanted = [...identifierValues(coverage), ...identifierValues(patient)];
    const known = [...candidate.coverages.flatMap(identifierValues), ...identifierValues(candidate.patient)];
    return shares(wanted, known);
  },
  subscriberId: ({ coverage }, candidate) => shares(subscriber(coverage), candidate.coverages.flatMap(subscriber)),
  coverageId: ({ coverage }, candidate) => shares(memberNumbers(coverage), candidate.coverages.flatMap(memberNumbers)),
  family: ({ patient }, candidate) => shares(families(patient), families(candidate.patient)),
  given: ({ patient }, candidate) => shares(givens(patient), givens(candidate.patient)),
  birthDate: ({ patient }, candidate) =>
    typeof patient['birthDate'] === 'string' && patient['birthDate'] === candidate.patient['birthDate'],
  gender: ({ patient }, candidate) =>
    typeof patient['gender'] === 'string' && patient['gender'] === candidate.patient['gender'],
};

function contradictsGender({ patient }: MatchRequest, candidate: MatchCandidate): boolean {
  const known = ['male', 'female'];
  const [asked, here] = [String(patient['gender']), String(candidate.patient['gender'])];
  return known.includes(asked) && known.includes(here) && asked !== here;
}

const shares = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((one) => others.includes(one));

const identifierValues = (resource: Fields): readonly string[] =>
  listOf(resource, 'identifier').flatMap(({ value }) => (typeof value === 'string' && value !== '' ? [value] : []));

const subscriber = ({ subscriberId }: Fields): readonly string[] =>
  typeof subscriberId === 'string' && subscriberId !== '' ? [subscriberId] : [];

const families = (patient: Fields): readonly string[] =>
  listOf(patient, 'name').flatMap(({ family }) => (typeof family === 'string' ? normalName(family) : []));

const givens = (patient: Fields): readonly string[] =>
  listOf(patient, 'name').flatMap(({ given }) =>
    (Array.isArray(given) ? (given as unknown[]) : []).flatMap((each) =>
      typeof each === 'string' ? normalName(each) : [],
    ),
  );

/** Letters and digits of any script, without case and accents; a name of nothing else agrees with none. */
export function normalName(name: string): readonly string[] {
  const plain = name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toLowerCase();
  return plain === '' ? [] : [plain];
}

/** The demographics of a request in one text, for counting failures without keeping names: to be hashed by the caller. */
export function demographicsKey({ patient }: MatchRequest): string {
  return JSON.stringify([families(patient), givens(patient), patient['birthDate'] ?? null]);
}
