import { describe, expect, it } from '@jest/globals';
import { derivedId, identifiersOf, isFhirId, parseReference } from '../../../fhir/identifiers.ts';

describe('derivedId', () => {
  const parts = { organization: 'org', patient: 'p', type: 'Observation', originalId: '1' };

  it('is a FHIR id that stays the same for the same parts', () => {
    expect(derivedId(parts)).toMatch(/^[0-9a-f]{40}$/);
    expect(derivedId({ ...parts })).toBe(derivedId(parts));
    // Stored ids depend on it: a change of the rule would import everything twice.
    expect(derivedId(parts)).toBe('2d4d00245fe9180c2a4b0b2c181c337b9684efaf');
  });

  it('differs when any part differs, and when the parts are cut differently', () => {
    const ids = [
      parts,
      { ...parts, organization: 'org2' },
      { ...parts, patient: 'p2' },
      { ...parts, patient: undefined },
      { ...parts, type: 'Condition' },
      { ...parts, originalId: '2' },
      { ...parts, organization: 'or', patient: 'gp' },
    ].map(derivedId);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('isFhirId', () => {
  it.each(['a', 'A-1.b', 'x'.repeat(64)])('accepts %s', (id) => expect(isFhirId(id)).toBe(true));
  it.each(['', 'a b', 'a/b', 'a_b', 'x'.repeat(65), 'a\n'])('refuses %j', (id) => expect(isFhirId(id)).toBe(false));
});

describe('parseReference', () => {
  const base = 'https://Peer.example/fhir/';

  it.each([
    ['Patient/1', { kind: 'literal', type: 'Patient', id: '1' }],
    ['Patient/1/_history/2', { kind: 'literal', type: 'Patient', id: '1', version: '2' }],
    ['#cov', { kind: 'contained', fragment: 'cov' }],
    ['#', { kind: 'contained', fragment: '' }],
    ['urn:uuid:0b1c', { kind: 'urn' }],
    ['urn:oid:1.2.3', { kind: 'urn' }],
    ['NoSuchType/1', { kind: 'other' }],
    ['Patient/a_b', { kind: 'other' }],
    ['Patient', { kind: 'other' }],
    ['https://elsewhere.example/fhir/Patient/1', { kind: 'other' }],
    ['https://peer.example/other/Patient/1', { kind: 'other' }],
    [
      'https://peer.example/fhir/Patient/1',
      { kind: 'literal', type: 'Patient', id: '1', absoluteBase: 'https://peer.example/fhir' },
    ],
    [
      'HTTPS://PEER.example:443/fhir//Patient/1/_history/2',
      { kind: 'literal', type: 'Patient', id: '1', version: '2', absoluteBase: 'HTTPS://PEER.example:443/fhir/' },
    ],
    ['https://peer.example/FHIR/Patient/1', { kind: 'other' }],
  ])('reads %s', (reference, expected) => {
    expect(parseReference(reference, base)).toEqual(expected);
  });

  it.each([
    [
      'identifier=http://hl7.org/fhir/sid/us-npi|9999985390',
      { system: 'http://hl7.org/fhir/sid/us-npi', value: '9999985390' },
    ],
    ['identifier=http%3A%2F%2Fs%7Ca%2Fb', { system: 'http://s', value: 'a/b' }],
    ['identifier=s|a\\,b\\|c', { system: 's', value: 'a,b|c' }],
    ['identifier=s|50%', { system: 's', value: '50%' }],
    ['identifier=s|a,s|b', undefined],
    ['identifier=a', undefined],
    ['identifier=|a', undefined],
    ['identifier=s|a&active=true', undefined],
    ['name=x', undefined],
  ])('reads the condition %s', (query, identifier) => {
    const expected = { kind: 'conditional', type: 'Practitioner', query, ...(identifier && { identifier }) };
    expect(parseReference(`Practitioner?${query}`, base)).toEqual(expected);
    expect(parseReference(`https://peer.example/fhir/Practitioner?${query}`, base)).toEqual(expected);
  });

  it('does not take a URL inside a condition for the base', () => {
    expect(
      parseReference('https://peer.example/fhir/Practitioner?identifier=https://peer.example/fhir|1', base),
    ).toMatchObject({
      identifier: { system: 'https://peer.example/fhir', value: '1' },
    });
    expect(
      parseReference('https://elsewhere.example/fhir/Practitioner?x=https://peer.example/fhir/Patient/1', base),
    ).toEqual({
      kind: 'other',
    });
  });

  it('takes every absolute reference for another server when no base is given', () => {
    expect(parseReference('https://peer.example/fhir/Patient/1')).toEqual({ kind: 'other' });
  });
});

describe('identifiersOf', () => {
  it('reads one or many, and only those with system and value', () => {
    expect(identifiersOf({ identifier: [{ system: 's', value: 'v', use: 'usual' }, { value: 'v' }, null] })).toEqual([
      { system: 's', value: 'v' },
    ]);
    expect(identifiersOf({ identifier: { system: 's', value: 'v' } })).toEqual([{ system: 's', value: 'v' }]);
    expect(identifiersOf({})).toEqual([]);
  });
});
