import { createRandom, stableId } from '../../cli/sample-members/random.ts';
import { GIVEN, familyAt } from './names.ts';

/** One of very many members: of a household that shares a card, with a name that thousands have. */
export interface Insured {
  readonly patientId: string;
  readonly coverageId: string;
  readonly family: string;
  readonly given: readonly string[];
  readonly gender: 'female' | 'male';
  readonly birthDate: string;
  readonly subscriberId: string;
  readonly memberNumber: string;
  readonly dependent: string;
}

/** In turn, so that the household of a member is known from its number. */
const HOUSEHOLDS = [1, 2, 3, 4] as const;
const PER_ROUND = 10;
/** Position in a household of four. */
const TWIN = 3;
const DAY_MS = 86_400_000;
const FIRST_BIRTH = Date.UTC(1936, 0, 1);
const BIRTH_DAYS = 27_000;

/** The member of that number, from 0; the last two of a household of four are twins. */
export function insured(index: number): Insured {
  const { household, position } = householdOf(index);
  const shared = createRandom('household', household);
  const own = createRandom('insured', index);
  const twin = position === TWIN ? createRandom('insured', index - 1) : undefined;
  const born = (twin ?? own).integer(0, BIRTH_DAYS - 1);
  const gender = own.pick(['female', 'male'] as const);
  // Of two neighbours in a household, no two have the same name.
  const names = GIVEN[gender].filter((_, at) => at % 2 === position % 2);
  const subscriberId = `S${String(household).padStart(8, '0')}${shared.digits(2)}`;
  const dependent = String(position).padStart(2, '0');
  return {
    patientId: stableId('insured', index),
    coverageId: stableId('coverage', index),
    family: familyAt(shared.integer(0, 999_999) / 1_000_000),
    given: [own.pick(names), String.fromCharCode(65 + (index % 26))],
    gender,
    birthDate: new Date(FIRST_BIRTH + born * DAY_MS).toISOString().slice(0, 10),
    ...{ subscriberId, dependent, memberNumber: `${subscriberId}-${dependent}` },
  };
}

function householdOf(index: number): { readonly household: number; readonly position: number } {
  let position = index % PER_ROUND;
  let household = Math.floor(index / PER_ROUND) * HOUSEHOLDS.length;
  for (const size of HOUSEHOLDS) {
    if (position < size) break;
    position -= size;
    household += 1;
  }
  return { household, position };
}
