import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SAMPLE_DATA } from '../../cli/test-requirements.ts';
import { decideMatch } from '../../fhir/matching.ts';
import type { MatchCandidate } from '../../fhir/matching.ts';
import { readMatchRequest } from '../../fhir/member-match.ts';
import type { Fields, MatchRequest } from '../../fhir/member-match.ts';
import { matchParameters } from '../unit/support/payer-session.ts';

interface Person extends Fields {
  readonly id: string;
  readonly name: readonly { readonly family: string; readonly given: readonly string[] }[];
  readonly birthDate: string;
  readonly gender: string;
}

interface Member {
  readonly patient: Person;
  readonly coverages: readonly Fields[];
}

const lines = (type: string): Fields[] =>
  readFileSync(path.join(SAMPLE_DATA, `${type}.ndjson`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Fields);

const coverages = lines('Coverage');
const members: readonly Member[] = lines('Patient').map((patient) => ({
  patient: patient as Person,
  coverages: coverages.filter(({ beneficiary }) => JSON.stringify(beneficiary).includes(String(patient['id']))),
}));

/** What another payer posts of a member: the person, and the card. */
function request({ patient, coverages: cards }: Member): MatchRequest {
  const { name, birthDate, gender } = patient;
  const body = matchParameters({
    MemberPatient: { resourceType: 'Patient', id: '1', name, birthDate, gender },
  }) as { parameter: { name: string; resource: Record<string, unknown> }[] };
  const [card] = cards;
  for (const { name: entry, resource } of body.parameter) {
    if (entry === 'CoverageToMatch')
      Object.assign(resource, { identifier: card?.['identifier'], period: card?.['period'] });
  }
  return readMatchRequest(JSON.stringify(body));
}

const withName = (member: Member, family: string, given: readonly string[]): Member => ({
  ...member,
  patient: { ...member.patient, name: [{ family, given }] },
});
const firstName = ({ patient }: Member) => patient.name[0] ?? { family: '', given: [] };
const swapped = (word: string): string => `${word[1] ?? ''}${word[0] ?? ''}${word.slice(2)}`;
const given = (member: Member, change: (word: string) => string): readonly string[] => {
  const [first = '', ...others] = firstName(member).given;
  return [change(first), ...others];
};

/** The same person as somebody else may have written it down. */
const ERRORS: Readonly<Record<string, (member: Member) => Member>> = {
  'letters swapped in the family name': (member) =>
    withName(member, swapped(firstName(member).family), firstName(member).given),
  'a letter missing in the family name': (member) =>
    withName(member, firstName(member).family.slice(1), firstName(member).given),
  'letters swapped in the given name': (member) => withName(member, firstName(member).family, given(member, swapped)),
  'family and given name swapped': (member) =>
    withName(member, firstName(member).given[0] ?? '', [firstName(member).family]),
  'capitals and accents': (member) =>
    withName(member, firstName(member).family.toUpperCase().replace('E', 'É'), firstName(member).given),
  'no middle name': (member) => withName(member, firstName(member).family, firstName(member).given.slice(0, 1)),
  'an initial for the given name': (member) =>
    withName(
      member,
      firstName(member).family,
      given(member, ([initial = '']) => `${initial}.`),
    ),
  'day and month of the birth date swapped': (member) => ({
    ...member,
    patient: { ...member.patient, birthDate: member.patient.birthDate.replace(/-(\d\d)-(\d\d)$/, '-$2-$1') },
  }),
};

/** Somebody else who could be taken for the member. */
const OTHERS: Readonly<Record<string, (member: Member, other: Member) => Member>> = {
  'as they are': (_member, other) => other,
  'born on the same day': ({ patient }, other) => ({
    ...other,
    patient: { ...other.patient, birthDate: patient.birthDate },
  }),
  'of the same family, born on the same day, insured under the same number: twins': (member, other) => ({
    patient: {
      ...other.patient,
      birthDate: member.patient.birthDate,
      gender: member.patient.gender,
      name: [{ family: firstName(member).family, given: firstName(other).given }],
    },
    coverages: member.coverages,
  }),
  'of the same name, with another birth date and number': ({ patient }, other) => ({
    ...other,
    patient: { ...other.patient, name: patient.name, gender: patient.gender },
  }),
  'of the same name and birth date, with another number': ({ patient }, other) => ({
    ...other,
    patient: { ...patient, id: other.patient.id, identifier: other.patient['identifier'] },
  }),
  'with the same number': (member, other) => ({ ...other, coverages: member.coverages }),
};

const candidate = ({ patient, coverages: known }: Member): MatchCandidate => ({ patient, coverages: known });
const pairs = members.flatMap((one) => members.filter((other) => other !== one).map((other) => [one, other] as const));
const matchedId = (asked: Member, held: readonly Member[]): unknown => {
  const decision = decideMatch(request(asked), held.map(candidate));
  return decision.kind === 'matched' ? decision.candidate.patient['id'] : undefined;
};

describe('the members of the sample data', () => {
  it('are several, each with a card', () => {
    expect(members.length).toBeGreaterThan(10);
    expect(members.filter(({ coverages: cards }) => cards.length === 0)).toEqual([]);
  });

  it('are each found among all of them', () => {
    for (const member of members) expect(matchedId(member, members)).toBe(member.patient.id);
  });

  it.each(Object.keys(OTHERS))('are, in every pair, never taken for another one %s', (kind) => {
    const falsePositives = pairs.filter(([one, other]) => {
      const disguised = OTHERS[kind]?.(one, other) ?? other;
      return matchedId(one, [disguised]) !== undefined;
    });
    expect(falsePositives.map(([one, other]) => [one.patient.id, other.patient.id])).toEqual([]);
  });

  it.each(Object.keys(OTHERS))('are still found beside another one %s', (kind) => {
    for (const [one, other] of pairs) {
      const disguised = OTHERS[kind]?.(one, other) ?? other;
      expect([one.patient.id, matchedId(one, [disguised, one])]).toEqual([one.patient.id, one.patient.id]);
    }
  });

  it.each(Object.keys(ERRORS))('are, with %s, never taken for another one in any pair', (error) => {
    for (const [one, other] of pairs) {
      const written = ERRORS[error]?.(one) ?? one;
      for (const disguise of Object.values(OTHERS)) expect(matchedId(written, [disguise(one, other)])).toBeUndefined();
    }
  });

  it('are not found, as the price of that, when these were written down wrongly', () => {
    const missed = Object.entries(ERRORS).flatMap(([error, change]) => {
      const written = members
        .map((member) => [change(member), member] as const)
        .filter(([after, before]) => JSON.stringify(after) !== JSON.stringify(before));
      const notFound = written.filter(([after, before]) => matchedId(after, members) !== before.patient.id);
      return notFound.length > 0 ? [`${error}: ${notFound.length} of ${written.length}`] : [];
    });
    expect(missed).toEqual([
      'letters swapped in the family name: 15 of 15',
      'a letter missing in the family name: 15 of 15',
      'letters swapped in the given name: 15 of 15',
      'family and given name swapped: 15 of 15',
      'an initial for the given name: 15 of 15',
      'day and month of the birth date swapped: 15 of 15',
    ]);
  });
});
