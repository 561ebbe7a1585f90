import { describe, expect, it } from '@jest/globals';
import { referenceTargets } from '../../../fhir/import-references.ts';
import { sharedReferences } from '../../../fhir/shared-references.ts';

const isPractitioner = (type: string): boolean => type === 'Practitioner';
const record = JSON.stringify({
  resourceType: 'Encounter',
  text: { div: 'a string with "reference":"Practitioner/no" inside' },
  subject: { reference: 'Patient/p' },
  participant: [
    { individual: { reference: 'Practitioner/one' } },
    { individual: { reference: 'Practitioner?identifier=urn:npi|1' } },
    { individual: { reference: 'Practitioner/one' } },
    { individual: { reference: 'http://elsewhere/Practitioner/x' } },
  ],
});

describe('references to shared resources', () => {
  it('are those that a scan of the record finds, of the wanted types', () => {
    const { literals, conditionals } = referenceTargets(record, '');
    const found = sharedReferences(record, isPractitioner, new Set());
    expect(found.literals).toEqual([{ type: 'Practitioner', id: 'one' }]);
    expect(literals.filter(({ type }) => isPractitioner(type)).map(({ originalId }) => originalId)).toContain('one');
    expect(found.conditionals).toEqual(conditionals);
  });

  it('are read with white space and escapes, as JSON allows', () => {
    const text = '{"a":{"reference" :\n "Practitioner\\/one"},"b":{"reference":"Practitioner\\u002Ftwo"}}';
    expect(sharedReferences(text, isPractitioner, new Set()).literals.map(({ id }) => id)).toEqual(['one', 'two']);
  });

  it('are told once for all texts that share what was seen', () => {
    const seen = new Set<string>();
    sharedReferences(record, isPractitioner, seen);
    expect(sharedReferences(record, isPractitioner, seen)).toEqual({ literals: [], conditionals: [] });
  });
});
