import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { listedConditional, listedReference } from '../../../fhir/listed-references.ts';

it('what identifies a resource is listed in one word, and read as it was', () => {
  const part = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(part, part, (system, value) => {
      const word = listedConditional('Practitioner', { system, value }) ?? '';
      expect(word).toMatch(/^[!-~]+$/);
      expect(listedReference(word)).toEqual({ type: 'Practitioner', system, value });
    }),
  );
});

it('an id is read as one', () => {
  expect(listedReference('Location/l.1')).toEqual({ type: 'Location', id: 'l.1' });
});

it('nothing is listed that is no character, or very long', () => {
  expect(listedConditional('Device', { system: 's', value: '\ud800' })).toBeUndefined();
  expect(listedConditional('Device', { system: 's', value: '1'.repeat(400) })).toBeUndefined();
});
