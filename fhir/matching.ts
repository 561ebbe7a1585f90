import { isRecord } from './parameters.ts';
import { isOfType, listOf, memberNumbersOfPatient, numberOf } from './member-match.ts';
import type { Fields, MatchRequest, MemberNumber } from './member-match.ts';

/** What may be asked to agree (configuration: `matching.require`). */
export type MatchField =
  'memberId' | 'subscriberId' | 'coverageId' | 'family' | 'given' | 'birthDate' | 'gender' | 'coverageDates';

/** A native member who shares a number or a name with the request, with all the coverages that we hold of them. */
export interface MatchCandidate {
  readonly patient: Fields;
  readonly coverages: readonly Fields[];
}

export type MatchDecision =
  | { readonly kind: 'matched'; readonly candidate: MatchCandidate }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly MatchCandidate[] };

/**
 * Who is meant. A false positive discloses a member's record to a payer that has no right to it, a false negative costs a
 * phone call: so by default a number of the card, family, given name and birth date must all agree, and neither gender nor
 * the dates of the coverage may contradict: a number may have been given to somebody else since. Names agree whatever their case, accents, punctuation and spaces; nothing is guessed. `require` (what the
 * operator configures) takes the place of these rules: each field named must agree.
 */
export function decideMatch(
  request: MatchRequest,
  candidates: readonly MatchCandidate[],
  require?: readonly MatchField[],
): MatchDecision {
  const matching = candidates.filter((candidate) => agrees(request, candidate, require));
  const [candidate, ...others] = matching;
  if (candidate === undefined) return { kind: 'none' };
  return others.length > 0 ? { kind: 'ambiguous', candidates: matching } : { kind: 'matched', candidate };
}

function agrees(request: MatchRequest, candidate: MatchCandidate, require: readonly MatchField[] | undefined): boolean {
  if (require !== undefined) return require.every((field) => FIELDS[field](request, candidate));
  const byDefault: readonly MatchField[] = ['family', 'given', 'birthDate'];
  const number = FIELDS.memberId(request, candidate) || FIELDS.subscriberId(request, candidate);
  return (
    number &&
    byDefault.every((field) => FIELDS[field](request, candidate)) &&
    !contradictsGender(request, candidate) &&
    overlap(request, candidate) !== false
  );
}

const FIELDS: Readonly<Record<MatchField, (request: MatchRequest, candidate: MatchCandidate) => boolean>> = {
  memberId: ({ coverage, patient }, candidate) => {
    const asked = [...cardNumbers(coverage), ...memberNumbersOfPatient(patient)];
    const typed = [...candidate.coverages.flatMap(cardNumbers), ...memberNumbersOfPatient(candidate.patient)];
    const others = listOf(candidate.patient, 'identifier').flatMap(numberOf);
    return asked.some((one) => typed.some(isSame(one)) || others.some(isExactlySame(one)));
  },
  subscriberId: ({ coverage }, candidate) => shares(subscriber(coverage), candidate.coverages.flatMap(subscriber)),
  coverageId: ({ coverage }, candidate) =>
    allNumbers(coverage).some((one) => candidate.coverages.flatMap(allNumbers).some(isSame(one))),
  family: ({ patient }, candidate) => shares(families(patient), families(candidate.patient)),
  given: ({ patient }, candidate) => sharesGiven(givens(patient), givens(candidate.patient)),
  birthDate: ({ patient }, candidate) => {
    const asked = fullDate(patient['birthDate']);
    return asked !== undefined && asked === fullDate(candidate.patient['birthDate']);
  },
  gender: ({ patient }, candidate) => {
    const asked = knownGender(patient);
    return asked !== undefined && asked === knownGender(candidate.patient);
  },
  coverageDates: (request, candidate) => overlap(request, candidate) === true,
};

/** Whether the coverage asked for overlaps one that shares a number with it; undefined where one side tells of no dates. */
function overlap({ coverage }: MatchRequest, candidate: MatchCandidate): boolean | undefined {
  const asked = periodOf(coverage);
  const sharing = candidate.coverages.filter((known) =>
    allNumbers(coverage).some((one) => allNumbers(known).some(isSame(one))),
  );
  const known = (sharing.length > 0 ? sharing : candidate.coverages).map(periodOf);
  if (asked === undefined || known.length === 0 || known.includes(undefined)) return undefined;
  return known.some((one) => one !== undefined && one.start <= asked.end && asked.start <= one.end);
}

/** Days, of which the last of a month or a year that is not told further counts. */
function periodOf({ period }: Fields): { readonly start: string; readonly end: string } | undefined {
  if (!isRecord(period)) return undefined;
  const { start, end } = period;
  if (typeof start !== 'string' && typeof end !== 'string') return undefined;
  return {
    start: typeof start === 'string' ? start.slice(0, 10) : '',
    // Behind every digit and hyphen that a longer date has.
    end: typeof end === 'string' ? `${end.slice(0, 10)}~` : '~',
  };
}

function contradictsGender({ patient }: MatchRequest, candidate: MatchCandidate): boolean {
  const [asked, here] = [knownGender(patient), knownGender(candidate.patient)];
  return asked !== undefined && here !== undefined && asked !== here;
}

const knownGender = ({ gender }: Fields): string | undefined =>
  typeof gender === 'string' && ['male', 'female', 'other'].includes(gender) ? gender : undefined;

/** A year or a month alone would make a person of everybody who was born in it. */
const fullDate = (value: unknown): string | undefined =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined;

const shares = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((one) => others.includes(one));

/**
 * Middle names come and go, so one shared name is enough if it is the first one of either: twins who share their second
 * name, birth date and subscriber's number are two persons.
 */
function sharesGiven(asked: readonly (readonly string[])[], known: readonly (readonly string[])[]): boolean {
  return asked.some((one) =>
    known.some((other) => {
      const [first, otherFirst] = [one[0], other[0]];
      return (first !== undefined && other.includes(first)) || (otherFirst !== undefined && one.includes(otherFirst));
    }),
  );
}

/** Of the same system, or of one that is not said: payers print the number on the card, not its system. */
const isSame =
  (asked: MemberNumber) =>
  (known: MemberNumber): boolean =>
    asked.value === known.value &&
    (asked.system === undefined || known.system === undefined || asked.system === known.system);

const isExactlySame =
  (asked: MemberNumber) =>
  (known: MemberNumber): boolean =>
    asked.system !== undefined && asked.value === known.value && asked.system === known.system;

/** Identifiers typed MB, and those without a type: the vendor's published request has the number of the card so. */
const cardNumbers = (coverage: Fields): readonly MemberNumber[] =>
  listOf(coverage, 'identifier')
    .filter((identifier) => identifier['type'] === undefined || isOfType(identifier, ['MB']))
    .flatMap(numberOf);

const allNumbers = (coverage: Fields): readonly MemberNumber[] => [
  ...listOf(coverage, 'identifier').flatMap(numberOf),
  ...subscriber(coverage).map((value) => ({ value })),
];

const subscriber = ({ subscriberId }: Fields): readonly string[] =>
  typeof subscriberId === 'string' && subscriberId !== '' ? [subscriberId] : [];

/** More names than anybody has: each of them counts as a try of its own. */
const MOST_NAMES = 5;

const namesOf = (patient: Fields): readonly Fields[] => listOf(patient, 'name').slice(0, MOST_NAMES);

const families = (patient: Fields): readonly string[] =>
  namesOf(patient).flatMap(({ family }) => (typeof family === 'string' ? normalName(family) : []));

/** The given names of each name, in their order. */
const givens = (patient: Fields): readonly (readonly string[])[] =>
  namesOf(patient).map(({ given }) =>
    (Array.isArray(given) ? (given as unknown[]) : [])
      .slice(0, MOST_NAMES)
      .flatMap((each) => (typeof each === 'string' ? normalName(each) : [])),
  );

/** Letters that are no letter with an accent, as they are written without them. */
const PLAIN_LETTERS: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i' },
};

/** Letters and digits of any script, without case and accents; a name of nothing else agrees with none. */
export function normalName(name: string): readonly string[] {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toLowerCase()
    .replace(/[ßæœøłđðþı]/g, (letter) => PLAIN_LETTERS[letter] ?? letter);
  return plain === '' ? [] : [plain];
}

export interface CandidateNames {
  /** `born`: `YYYY-MM-DD`, and behind it a family name where that must agree too. */
  readonly part: 'family' | 'born';
  readonly anyOf: readonly string[];
}

/**
 * The names that candidates are looked up by where no number is asked to agree. Thousands share a family name, and few of
 * them a birth date as well.
 */
export function candidateNames({ patient }: MatchRequest, require: readonly MatchField[]): CandidateNames {
  const posted = namesOf(patient).flatMap(({ family }) => (typeof family === 'string' ? [family] : []));
  const families = [...new Set(posted)];
  if (!require.includes('birthDate')) return { part: 'family', anyOf: families };
  const date = fullDate(patient['birthDate']);
  if (date === undefined) return { part: 'born', anyOf: [] };
  return { part: 'born', anyOf: require.includes('family') ? families.map((family) => `${date} ${family}`) : [date] };
}

/**
 * The persons that a request tries, each in one text, for counting failures without keeping names: to be hashed by the
 * caller. One for each pair of family and given name, so that a name added to the request does not begin a new count.
 */
export function demographicsKeys({ patient }: MatchRequest): readonly string[] {
  const birthDate = patient['birthDate'] ?? null;
  const pairs = families(patient).flatMap((family) =>
    givens(patient)
      .flat()
      .map((given) => JSON.stringify([family, given, birthDate])),
  );
  return [...new Set(pairs)].sort();
}
