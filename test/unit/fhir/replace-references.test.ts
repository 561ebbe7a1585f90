import { expect, it } from '@jest/globals';
import { referencesIn, withReferences } from '../../../fhir/replace-references.ts';

const TEXT =
  '{ "subject": {"reference":"urn:uuid:1","display":"urn:uuid:1"},\n"a":[{"b":{"reference" : "urn:uuid:2"}}], "n": 1.50, "reference": 5 }';

it('finds the references at every depth', () => {
  expect(referencesIn(TEXT)).toEqual(['urn:uuid:1', 'urn:uuid:2']);
});

it('replaces those that are named, and no other byte', () => {
  const replaced = withReferences(TEXT, new Map([['urn:uuid:1', 'Patient/"x']]));
  expect(replaced).toBe(TEXT.replace('{"reference":"urn:uuid:1"', '{"reference":"Patient/\\"x"'));
});
