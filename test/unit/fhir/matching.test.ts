import { describe, expect, it } from '@jest/globals';
import { decideMatch, demographicsKeys, normalName } from '../../../fhir/matching.ts';
import type { MatchCandidate, MatchField } from '../../../fhir/matching.ts';
import type { Fields } from '../../../fhir/member-match.ts';
import { changed, hrex, read, vendor } from './match-examples.ts';

const MB = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' }] };
const CARD = { type: MB, system: 'http://example.org/old-payer', value: 'DH10001235' };

/** The member that HRex's example asks for, as we hold it. */
function member(patient: Fields = {}, coverage: Fields = {}): MatchCandidate {
  return {
    patient: {
      resourceType: 'Patient',
      id: 'p1',
      name: [{ family: 'Person', given: ['Patricia', 'Ann'] }],
      gender: 'female',
      birthDate: '1974-12-25',
      ...patient,
    },
    coverages: [{ resourceType: 'Coverage', identifier: [CARD], ...coverage }],
  };
}

const kindOf = (candidates: readonly MatchCandidate[], entries = hrex(), require?: readonly MatchField[]): string =>
  decideMatch(read(entries), candidates, require).kind;

describe('a member', () => {
  it('matches when number, names and birth date agree', () => {
    expect(kindOf([member()])).toBe('matched');
  });

  it("matches the vendor's published request, whose number stands on the Patient", () => {
    const identifier = [{ type: MB, value: '55678' }];
    expect(kindOf([member({ identifier }, { identifier: [] })], vendor())).toBe('matched');
  });

  it("matches the vendor's published request by the number of the card, which has no type there", () => {
    const identifier = [{ system: 'http://oldhealthplan.example.com', value: 'DH10001235' }];
    expect(kindOf([member({}, { identifier })], vendor())).toBe('matched');
  });

  it('matches by the number of the subscriber', () => {
    const entries = changed('CoverageToMatch', { identifier: [], subscriberId: 'S-1' });
    expect(kindOf([member({}, { identifier: [], subscriberId: 'S-1' })], entries)).toBe('matched');
  });

  it.each([
    ['another case and an accent', { name: [{ family: 'PÉRSON', given: ['Patricia'] }] }],
    ['punctuation and spaces', { name: [{ family: "Per-s o'n", given: ['Patricia'] }] }],
    [
      'a second name, of before the marriage',
      {
        name: [
          { family: 'Other', given: ['X'] },
          { family: 'Person', given: ['Patricia'] },
        ],
      },
    ],
    ['the first given name alone', { name: [{ family: 'Person', given: ['Patricia'] }] }],
    ['a gender that is not known', { gender: 'unknown' }],
    ['a record that is no longer active', { active: false }],
  ])('matches in spite of %s', (_what, patient) => {
    expect(kindOf([member(patient)])).toBe('matched');
  });

  it.each<[string, Fields, Fields]>([
    ['another family', { name: [{ family: 'Persons', given: ['Patricia'] }] }, {}],
    ['another given name', { name: [{ family: 'Person', given: ['Beth'] }] }, {}],
    ['a twin with the same second name', { name: [{ family: 'Person', given: ['Beth', 'Ann'] }] }, {}],
    ['another birth date', { birthDate: '1974-12-26' }, {}],
    ['a year of birth alone', { birthDate: '1974' }, {}],
    ['another gender', { gender: 'male' }, {}],
    ['another number', {}, { identifier: [{ ...CARD, value: 'DH10001236' }] }],
    ['the same number of another system', {}, { identifier: [{ ...CARD, system: 'http://example.org/third-payer' }] }],
    ['no number', {}, { identifier: [] }],
  ])('does not match with %s', (_what, patient, coverage) => {
    expect(kindOf([member(patient, coverage)])).toBe('none');
  });

  it('does not match by a number of another kind', () => {
    const ssn = { type: { coding: [{ code: 'SS' }] }, system: 'http://hl7.org/fhir/sid/us-ssn', value: 'DH10001235' };
    expect(kindOf([member({ identifier: [ssn] }, { identifier: [] })])).toBe('none');
  });

  it('is ambiguous when two records agree', () => {
    expect(kindOf([member(), member({ id: 'p2' })])).toBe('ambiguous');
  });
});

describe('what the operator asks to agree', () => {
  it('takes the place of the rules', () => {
    const other = member({ name: [{ family: 'Other', given: ['X'] }] });
    expect(kindOf([other], hrex(), ['memberId', 'birthDate'])).toBe('matched');
    expect(kindOf([other], hrex(), ['memberId', 'birthDate', 'family'])).toBe('none');
  });

  it('must all agree: a gender that is not known does not', () => {
    expect(kindOf([member({ gender: 'unknown' })], hrex(), ['gender'])).toBe('none');
  });
});

describe('the persons that failures are counted for', () => {
  it('are the same whatever the card says', () => {
    const other = changed('CoverageToMatch', { identifier: [{ ...CARD, value: 'X' }] });
    expect(demographicsKeys(read(other))).toEqual(demographicsKeys(read(hrex())));
  });

  it('stay among those of a request to which a name was added', () => {
    const name = [
      { family: 'Junk', given: ['Name'] },
      { family: 'Person', given: ['Patricia'] },
    ];
    const known = demographicsKeys(read(hrex()));
    expect(demographicsKeys(read(changed('MemberPatient', { name }))).some((key) => known.includes(key))).toBe(true);
  });

  it('are others for another birth date', () => {
    const other = demographicsKeys(read(changed('MemberPatient', { birthDate: '1980-01-01' })));
    expect(other.some((key) => demographicsKeys(read(hrex())).includes(key))).toBe(false);
  });
});

describe('a name', () => {
  it.each([
    ["O'Brien", 'OBRIEN'],
    ['Müller-Lüdenscheidt', 'muller ludenscheidt'],
    ['Strauß', 'Strauss'],
    ['Łukasz', 'lukasz'],
    ['Sørensen', 'Sorensen'],
    ['Nguyễn', 'nguyen'],
  ])('is the same as %s and %s', (one, other) => {
    expect(normalName(one)).toEqual(normalName(other));
  });

  it('of punctuation alone is none', () => {
    expect(normalName(' - . ')).toEqual([]);
  });

  it('of another script stays itself', () => {
    expect(normalName('王')).toEqual(['王']);
  });
});

describe('the dates of a coverage', () => {
  // HRex's example asks for 2011-05-23 to 2012-05-23.
  const held = (period: Fields): string => kindOf([member({}, { period })]);

  it.each<[string, Fields]>([
    ['overlap', { start: '2012-01-01', end: '2020-12-31' }],
    ['meet on a day', { start: '2012-05-23' }],
    ['meet in a month that is all we know', { end: '2011-05' }],
    ['have no end', { start: '2000-01-01' }],
    ['are instants', { start: '2011-05-23T00:00:00Z', end: '2011-12-31T00:00:00Z' }],
  ])('do not contradict where they %s', (_how, period) => {
    expect(held(period)).toBe('matched');
  });

  it.each<[string, Fields]>([
    ['before', { start: '2001-01-01', end: '2011-05-22' }],
    ['behind', { start: '2012-05-24' }],
  ])('contradict where ours lies %s', (_where, period) => {
    expect(held(period)).toBe('none');
  });

  it('are those of the coverage with the number, not of another one', () => {
    const { patient, coverages } = member({}, { period: { start: '2013-01-01' } });
    const other = { resourceType: 'Coverage', period: { start: '2011-01-01' } };
    expect(kindOf([{ patient, coverages: [...coverages, other] }])).toBe('none');
  });

  it('must be there and overlap where the operator asks for it', () => {
    const require = ['coverageDates', 'family'] as const;
    expect(kindOf([member()], hrex(), require)).toBe('none');
    expect(kindOf([member({}, { period: { start: '2012-01-01' } })], hrex(), require)).toBe('matched');
  });
});
