import { createRandom, stableId } from './random.ts';
import { PEOPLE, PLACES, STREETS } from './people.ts';
import type { Person, Place } from './people.ts';

/** One member of the sample payer: what an insurance card and a portal would say. */
export interface SampleMember {
  readonly seed: string;
  readonly index: number;
  readonly patientId: string;
  readonly coverageId: string;
  readonly memberNumber: string;
  readonly subscriberId: string;
  readonly dependent: string;
  readonly groupNumber: string;
  readonly person: Person;
  readonly birthDate: string;
  readonly phone: string;
  readonly address: Place & { readonly line: readonly string[]; readonly country: string };
}

/** The member of that number (from 0); the same for the same seed, however many members and resources are asked for. */
export function sampleMember(seed: string, index: number): SampleMember {
  const random = createRandom(seed, 'member', index);
  // The number is part of it, so that no two members have the same card.
  const subscriberId = `S${random.digits(5)}${String(index).padStart(7, '0')}`;
  const dependent = random.pick(['00', '01', '02']);
  const month = String(random.integer(1, 12)).padStart(2, '0');
  const day = String(random.integer(1, 28)).padStart(2, '0');
  return {
    seed,
    index,
    patientId: stableId(seed, index, 'Patient', 0),
    coverageId: stableId(seed, index, 'Coverage', 0),
    memberNumber: `${subscriberId}-${dependent}`,
    subscriberId,
    dependent,
    groupNumber: `G${random.digits(4)}`,
    // The table always has the remainder of its own length.
    person: PEOPLE[index % PEOPLE.length] as Person,
    birthDate: `${random.integer(1938, 2004)}-${month}-${day}`,
    phone: `505-555-1${random.digits(3)}`,
    address: { line: [`${random.integer(1, 999)} ${random.pick(STREETS)}`], ...random.pick(PLACES), country: 'US' },
  };
}
