import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { coversScopes, intersectScopes, missingScopes, parseScope, printScope } from '../../../fhir/scopes.ts';

describe('scopes', () => {
  it('reads v1 words as v2 letters', () => {
    expect(parseScope('system/*.read')).toMatchObject({ kind: 'smart', letters: 'rs' });
    expect(parseScope('system/Patient.write')).toMatchObject({ kind: 'smart', letters: 'cud' });
    expect(parseScope('user/Patient.*')).toMatchObject({ kind: 'smart', letters: 'cruds', context: 'user' });
  });

  it.each([
    'system/Patient.sr',
    'system/Patient.',
    'system/patient.rs',
    'openid',
    'system/*.read?a=b',
    'system.Group.u',
  ])('takes %s literally', (text) => {
    expect(parseScope(text)).toEqual({ kind: 'literal', text });
  });

  it.each([
    ['system/*.rs', 'system/Patient.rs'],
    ['system/*.read', 'system/*.rs'],
    ['system/*.rs', 'system/Patient.read'],
    ['system/*.*', 'system/Observation.cruds'],
    ['system/Patient.r system/*.s', 'system/Patient.rs'],
    ['system/Observation.rs', 'system/Observation.rs?category=laboratory'],
    ['system/Observation.rs?category=a', 'system/Observation.rs?code=b&category=a'],
    ['openid system/*.rs', 'openid'],
    ['system/Patient.rs', ''],
  ])('%s covers %s', (granted, asked) => {
    expect(coversScopes(granted, asked)).toBe(true);
  });

  it.each([
    ['system/Patient.rs', 'system/*.rs'],
    ['system/*.rs', 'user/*.rs'],
    ['system/*.read', 'system/*.write'],
    ['system/*.r', 'system/Patient.read'],
    ['system/Observation.rs?category=a', 'system/Observation.rs'],
    ['system/Observation.rs?category=a', 'system/Observation.rs?category=b'],
    ['system/*.rs', 'openid'],
    ['', 'system/*.rs'],
  ])('%s does not cover %s', (granted, asked) => {
    expect(coversScopes(granted, asked)).toBe(false);
  });

  it('names what is missing as it was written', () => {
    expect(missingScopes('system/Patient.rs', 'system/Patient.read system/Coverage.read launch')).toEqual([
      'system/Coverage.read',
      'launch',
    ]);
  });

  it.each([
    ['system/*.read', 'system/*.rs', 'system/*.read'],
    ['system/*.rs', 'system/Patient.read system/Coverage.*', 'system/Patient.rs system/Coverage.rs'],
    ['system/*.*', 'system/*.rs', 'system/*.read'],
    ['system/*.read', 'system/Patient.r', 'system/Patient.r'],
    ['system/*.rs', 'system/Patient.r system/Patient.s', 'system/Patient.rs'],
    ['system/*.rs system/Patient.read', 'system/*.rs', 'system/*.rs system/Patient.read'],
    ['system/Coverage.rs system/*.cud', 'system/Coverage.cruds', 'system/Coverage.rs system/Coverage.cud'],
    ['system/*.rs', 'system/Observation.rs?category=a', 'system/Observation.rs?category=a'],
    ['system/Observation.rs?code=b', 'system/*.rs?category=a', 'system/Observation.rs?code=b&category=a'],
    ['openid system/*.rs', 'system/*.cud profile', ''],
    ['openid http://x/OperationDefinition/m', 'http://x/OperationDefinition/m', 'http://x/OperationDefinition/m'],
  ])('leaves of %s within %s: %s', (asked, granted, left) => {
    expect(intersectScopes(asked, granted)).toBe(left);
  });

  it('never leaves more than was asked or granted', () => {
    const permission = fc.oneof(
      fc.constantFrom('read', 'write', '*'),
      fc.subarray([...'cruds'], { minLength: 1 }).map((letters) => letters.join('')),
      fc.constantFrom('rs?category=a', 'r?code=b', 'cruds?code=b&category=a'),
    );
    const scope = fc
      .tuple(fc.constantFrom('system', 'user'), fc.constantFrom('*', 'Patient', 'Coverage'), permission)
      .map(([context, resource, letters]) => `${context}/${resource}.${letters}`);
    const list = fc.array(scope, { maxLength: 4 }).map((scopes) => scopes.join(' '));
    fc.assert(
      fc.property(list, list, (asked, granted) => {
        const left = intersectScopes(asked, granted);
        expect(coversScopes(asked, left)).toBe(true);
        expect(coversScopes(granted, left)).toBe(true);
        if (coversScopes(granted, asked)) expect(coversScopes(left, asked)).toBe(true);
      }),
    );
  });

  it('prints what it reads', () => {
    for (const text of ['system/*.read', 'patient/Observation.rs?category=a|b', 'user/*.*', 'fhirUser'])
      expect(printScope(parseScope(text))).toBe(text);
  });
});
