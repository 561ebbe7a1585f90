import { describe, expect, it } from '@jest/globals';
import { elementsOfType, readElements, withElements } from '../../../fhir/element-subset.ts';

const TAG = '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}';
const text =
  '{"resourceType":"Observation","id":"o","meta":{"versionId":"1"},"text":{"div":"x"},"status":"final","code":{"text":"c"},"subject":{"reference":"Patient/a"},"effectiveDateTime":"2026-01-01","_effectiveDateTime":{"id":"e"},"valueQuantity":{"value":1.50},"note":[{"text":"n"}]}';

describe('_elements', () => {
  it('keeps what was asked for, what is mandatory, and every digit', () => {
    expect(withElements(text, 'Observation', ['value'])).toBe(
      `{"resourceType":"Observation","id":"o","meta":{"tag":[${TAG}],"versionId":"1"},"status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50}}`,
    );
  });

  it('keeps the companion of a primitive with it', () => {
    expect(Object.keys(JSON.parse(withElements(text, 'Observation', ['effective'])) as object)).toEqual(
      expect.arrayContaining(['effectiveDateTime', '_effectiveDateTime']),
    );
  });

  it('adds its tag to those that are there, and a meta where there is none', () => {
    const tagged = '{"resourceType":"Patient","id":"p","meta":{"tag":[{"code":"a"}]},"name":[]}';
    expect(withElements(tagged, 'Patient', ['id'])).toBe(
      `{"resourceType":"Patient","id":"p","meta":{"tag":[{"code":"a"},${TAG}]}}`,
    );
    expect(withElements('{"resourceType":"Patient","id":"p"}', 'Patient', ['id'])).toBe(
      `{"resourceType":"Patient","id":"p","meta":{"tag":[${TAG}]}}`,
    );
  });

  it('does not take an element for another whose name it begins with', () => {
    expect(
      withElements('{"resourceType":"Encounter","id":"e","statusHistory":[]}', 'Encounter', ['status']),
    ).not.toContain('statusHistory');
  });

  it('of a type narrows that type alone', () => {
    const elements = readElements(['Patient.name,Patient.id', 'subject']);
    expect(elementsOfType(elements, 'Patient')).toEqual(['name', 'id', 'subject']);
    expect(elementsOfType(elements, 'Observation')).toEqual(['subject']);
    expect(elementsOfType(readElements(['Patient.name']), 'Observation')).toBeUndefined();
  });

  it.each(['name.family', 'Patient.name.family', 'a b', ''])('refuses %j', (value) => {
    expect(() => readElements([value])).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });
});
