import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  addPatientLink,
  removePatientLink,
  stripServerMeta,
  withId,
  withStoredMeta,
} from '../../../fhir/stored-text.ts';

const stored = { versionId: '2', lastUpdated: '2026-11-21T04:35:26.123Z' };
const META = '"versionId":"2","lastUpdated":"2026-11-21T04:35:26.123Z"';

describe('withStoredMeta', () => {
  it.each([
    ['{"resourceType":"A","id":"1","x":1.50}', `{"resourceType":"A","id":"1","meta":{${META}},"x":1.50}`],
    ['{"resourceType":"A","x":1}', `{"resourceType":"A","meta":{${META}},"x":1}`],
    ['{"x":1}', `{"meta":{${META}},"x":1}`],
    ['{"id":"1","meta":{ "profile":["p"] }}', `{"id":"1","meta":{ ${META},"profile":["p"] }}`],
    ['{"id":"1","meta":{}}', `{"id":"1","meta":{${META}}}`],
    [
      '{"meta":{"lastUpdated":"x","versionId":"1"}}',
      '{"meta":{"lastUpdated":"2026-11-21T04:35:26.123Z","versionId":"2"}}',
    ],
    [
      '{"meta":{"tag":[],"versionId":"1"}}',
      '{"meta":{"lastUpdated":"2026-11-21T04:35:26.123Z","tag":[],"versionId":"2"}}',
    ],
  ])('writes into %s', (text, expected) => {
    expect(withStoredMeta(text, stored)).toBe(expected);
  });

  it.each([
    '{"resourceType":"A","id":"1","x":1.50}',
    '{ "x":1 }',
    '{"id":"1","meta":{ "profile":["p"] , "source":"s"},"y":[]}',
  ])('is taken back by stripServerMeta to the byte: %s', (text) => {
    expect(stripServerMeta(withStoredMeta(text, stored))).toBe(text);
    expect(stripServerMeta(text)).toBe(text);
  });
});

describe('withId', () => {
  it.each([
    ['{"resourceType":"A","id" : "1","x":{"id":"9"}}', '{"resourceType":"A","id" : "n","x":{"id":"9"}}'],
    ['{"resourceType":"A","x":1}', '{"resourceType":"A","id":"n","x":1}'],
    ['{"x":{"id":"9"}}', '{"id":"n","x":{"id":"9"}}'],
  ])('sets the id of %s', (text, expected) => {
    expect(withId(text, 'n')).toBe(expected);
  });
});

describe('Patient links', () => {
  const one = '{"other":{"reference":"Patient/a"},"type":"seealso"}';

  it('add a list where there is none and an element where there is one', () => {
    expect(addPatientLink('{"resourceType":"Patient" }', 'Patient/a')).toBe(
      `{"resourceType":"Patient","link":[${one}] }`,
    );
    expect(addPatientLink('{"link":[{"type":"refer"} ],"x":1}', 'Patient/a')).toBe(
      `{"link":[{"type":"refer"},${one} ],"x":1}`,
    );
  });

  it('are added once', () => {
    const linked = addPatientLink('{"resourceType":"Patient"}', 'Patient/a');
    expect(addPatientLink(linked, 'Patient/a')).toBe(linked);
  });

  it('are taken back alone, from between others too', () => {
    const both = addPatientLink(addPatientLink('{"id":"1"}', 'Patient/a'), 'Patient/b');
    expect(removePatientLink(both, 'Patient/a')).toBe(addPatientLink('{"id":"1"}', 'Patient/b'));
    expect(removePatientLink(both, 'Patient/b')).toBe(addPatientLink('{"id":"1"}', 'Patient/a'));
    expect(removePatientLink(both, 'Patient/c')).toBe(both);
  });

  it.each([
    '{"link":[{"other":{"reference":"Patient/a"},"type":"replaces"}]}',
    '{"link":[{"id":"x","other":{"reference":"Patient/a"},"type":"seealso"}]}',
    '{"link":[{"other":{"reference":"Patient/a","display":"d"},"type":"seealso"}]}',
  ])('of somebody else stay: %s', (text) => {
    expect(removePatientLink(text, 'Patient/a')).toBe(text);
  });

  it('refuse to extend what is no list', () => {
    expect(() => addPatientLink('{"link":{}}', 'Patient/a')).toThrow(TypeError);
  });

  it('give back the text of before, to the byte, for any Patient', () => {
    const link = fc.array(fc.record({ other: fc.record({ display: fc.string() }), n: fc.double() }), {
      minLength: 1,
      maxLength: 3,
    });
    const patient = fc.record({ id: fc.string(), link, name: fc.json(), active: fc.boolean() }, { requiredKeys: [] });
    fc.assert(
      fc.property(patient, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(removePatientLink(addPatientLink(text, 'Patient/a'), 'Patient/a')).toBe(text);
      }),
    );
  });
});
