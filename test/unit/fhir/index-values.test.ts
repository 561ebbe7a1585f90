import { describe, expect, it } from '@jest/globals';
import { indexable, indexValuesOf, searchableName } from '../../../fhir/index-values.ts';

describe('indexValuesOf', () => {
  it('takes the identifiers with and without system, each once', () => {
    const identifier = [
      { system: 's', value: '1' },
      { value: '2' },
      { system: 's' },
      { system: 's', value: '1' },
      null,
    ];
    expect(indexValuesOf({ resourceType: 'Organization', identifier }).identifiers).toEqual([
      { system: 's', value: '1' },
      { system: '', value: '2' },
    ]);
  });

  it('takes the subscriber number of a Coverage as an identifier', () => {
    const coverage = { resourceType: 'Coverage', subscriberId: 'S1', identifier: [{ system: 's', value: '1' }] };
    expect(indexValuesOf(coverage).identifiers).toContainEqual({ system: '', value: 'S1' });
  });

  it('takes a Patient by birth date and family name together, and by a whole date alone', () => {
    const name = [{ family: 'Doe' }, { family: 'Roe' }];
    const born = (fields: object): unknown[] =>
      indexValuesOf({ resourceType: 'Patient', ...fields }).names.flatMap((each) =>
        each.part === 'born' ? each.name : [],
      );
    expect(born({ name, birthDate: '1974-12-25' })).toEqual(['1974-12-25 doe', '1974-12-25 roe']);
    expect(born({ birthDate: '1974-12-25' })).toEqual(['1974-12-25']);
    expect(born({ name, birthDate: '1974-12' })).toEqual([]);
    expect(born({ resourceType: 'Practitioner', name, birthDate: '1974-12-25' })).toEqual([]);
  });

  it('takes the names of people by part, and those of organizations with their aliases', () => {
    const name = [{ family: 'Doe', given: ['Jo', 'Ann'], text: 'Jo Doe' }];
    expect(indexValuesOf({ resourceType: 'Patient', name }).names).toEqual([
      { part: 'family', name: 'doe' },
      { part: 'given', name: 'jo' },
      { part: 'given', name: 'ann' },
      { part: 'other', name: 'jo doe' },
    ]);
    const organization = { resourceType: 'Organization', name: 'Big Payer', alias: ['BP'] };
    expect(indexValuesOf(organization).names.map((entry) => entry.name)).toEqual(['big payer', 'bp']);
  });

  it('takes parts of addresses of places, and codes and practitioners of roles', () => {
    const address = { city: 'Springfield', line: ['1 Élm St'] };
    expect(indexValuesOf({ resourceType: 'Location', address }).names).toEqual([
      { part: 'address', name: '1 elm st' },
      { part: 'address', name: 'springfield' },
    ]);
    const specialty = [{ coding: [{ system: 'nucc', code: '207R' }, { display: 'x' }] }];
    const role = { resourceType: 'PractitionerRole', specialty, practitioner: { reference: 'Practitioner/d' } };
    expect(indexValuesOf(role).names).toEqual([
      { part: 'specialty', name: '207r' },
      { part: 'practitioner', name: 'd' },
    ]);
    expect(indexValuesOf({ resourceType: 'Patient', address: [address] }).names).toEqual([]);
  });

  it('takes only seealso links to Patients of this server', () => {
    const link = [
      { type: 'seealso', other: { reference: 'Patient/a' } },
      { type: 'replaces', other: { reference: 'Patient/b' } },
      { type: 'seealso', other: { reference: 'http://elsewhere/Patient/c' } },
      { type: 'seealso', other: { reference: 'RelatedPerson/d' } },
    ];
    expect(indexValuesOf({ resourceType: 'Patient', link }).linkedPatients).toEqual(['a']);
  });

  it('survives elements of a wrong kind', () => {
    const odd = { resourceType: 'Patient', name: 'x', identifier: 7, link: { type: 'seealso' } };
    expect(indexValuesOf(odd)).toEqual({ identifiers: [], names: [{ part: 'other', name: 'x' }], linkedPatients: [] });
  });

  it('takes nothing of types that nobody looks up', () => {
    const observation = { resourceType: 'Observation', identifier: [{ value: '1' }] };
    expect(indexValuesOf(observation)).toEqual({ identifiers: [], names: [], linkedPatients: [] });
  });
});

describe('indexable', () => {
  it('leaves usual values alone and makes the others short and free of NUL', () => {
    expect(indexable('12-34 é')).toBe('12-34 é');
    expect(indexable('a\0b')).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(indexable('漢'.repeat(300))).toMatch(/^sha256:/);
    expect(indexable('x'.repeat(700))).not.toBe(indexable('x'.repeat(701)));
  });
});

describe('searchableName', () => {
  it('forgets case, accents and surplus space', () => {
    expect(searchableName(' María   CRISTINA ')).toBe('maria cristina');
  });
});
