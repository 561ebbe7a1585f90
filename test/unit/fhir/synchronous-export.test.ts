import { describe, expect, it } from '@jest/globals';
import { readBundlePage } from '../../../fhir/bundle-page.ts';
import { compactJson } from '../../../fhir/json-compact.ts';
import { mayFetch } from '../../../fhir/missing-references.ts';
import { synchronousRequests } from '../../../fhir/synchronous-export.ts';

const CAPABILITIES = {
  ...{ software: undefined, fhirVersion: undefined, match: true, batch: false, exportForms: [] },
  searches: { Observation: 'patient', Patient: '_id', Coverage: 'beneficiary' },
};
const entry = (name: string, value: string): string => JSON.stringify({ name, valueString: value });
const requests = (form: 'everything' | 'search', entries: string[] = [], scope = 'system/*.rs'): readonly string[] =>
  synchronousRequests({ form, patientId: 'p1', entries, capabilities: CAPABILITIES, scope });

describe('$everything', () => {
  it('carries _since and _type of the posted export', () => {
    const [request] = requests('everything', [
      entry('_since', '2026-01-01T00:00:00+01:00'),
      entry('_type', 'Patient,Claim'),
    ]);
    const url = new URL(request ?? '', 'https://payer.example/fhir/');
    expect(url.pathname).toBe('/fhir/Patient/p1/$everything');
    expect(url.searchParams.get('_since')).toBe('2026-01-01T00:00:00+01:00');
    expect(url.searchParams.get('_type')).toBe('Patient,Claim');
  });
});

describe('searches', () => {
  it('go through the types that the payer names, the Patient first', () => {
    expect(requests('search')).toEqual([
      'Patient?_id=p1&_count=500',
      'Coverage?beneficiary=p1&_count=500',
      'Observation?patient=p1&_count=500',
    ]);
  });

  it('keep to _type', () => {
    expect(requests('search', [entry('_type', 'Observation')])).toEqual(['Observation?patient=p1&_count=500']);
  });

  it('keep to the types that the token reaches', () => {
    expect(requests('search', [], 'system/Coverage.rs system/Observation.r')).toEqual([
      'Coverage?beneficiary=p1&_count=500',
    ]);
  });

  it('ask each filter of a type on its own', () => {
    const filters = [
      entry('_typeFilter', 'Observation?category=vital-signs'),
      entry('_typeFilter', 'Observation?code=a|b'),
    ];
    expect(requests('search', [...filters, entry('_type', 'Observation')])).toEqual([
      'Observation?category=vital-signs&patient=p1&_count=500',
      'Observation?code=a%7Cb&patient=p1&_count=500',
    ]);
  });

  it('never let a filter name another patient', () => {
    expect(requests('search', [entry('_type', 'Observation'), entry('_typeFilter', 'Observation?patient=p2')])).toEqual(
      ['Observation?patient=p1&_count=500'],
    );
  });
});

describe('a page', () => {
  const RECORD = '{ "resourceType" : "Observation",\n\t"id":"o", "valueQuantity":{"value":1.50}, "note":"a \\" b  c" }';
  const bundle = (entries: string, more = ''): string => `{"resourceType":"Bundle",${more}"entry":[${entries}]}`;

  it('gives each record as a line, its digits and strings as they were', () => {
    expect(readBundlePage(bundle(`{"resource":${RECORD}}`)).records).toEqual([
      {
        type: 'Observation',
        line: '{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50},"note":"a \\" b  c"}',
      },
    ]);
  });

  it('tells OperationOutcomes apart', () => {
    const { records, outcomes } = readBundlePage(bundle('{"resource":{"resourceType":"OperationOutcome","issue":[]}}'));
    expect([records, outcomes]).toEqual([[], ['{"resourceType":"OperationOutcome","issue":[]}']]);
  });

  it('tells where the next one is', () => {
    const link = '"link":[{"relation":"self","url":"a"},{"relation":"next","url":"?page=2"}],';
    expect(readBundlePage(bundle('', link)).next).toBe('?page=2');
  });

  it.each(['{"resourceType":"Patient"}', '[]', 'x', '{"resourceType":"Bundle","entry":[{}]}'])('is not %s', (text) => {
    expect(() => readBundlePage(text)).toThrow(expect.objectContaining({ code: 'peer-invalid' }));
  });

  it('is compacted without touching what has no white space', () => {
    expect(compactJson('{"a":[1,"x y",true]}')).toBe('{"a":[1,"x y",true]}');
  });
});

describe('what an export left out', () => {
  it('is read only of the types that were asked for', () => {
    const may = mayFetch([entry('_type', 'Observation,Practitioner')]);
    expect(['Practitioner', 'Organization', 'Patient'].map(may)).toEqual([true, false, false]);
  });

  it('is not read of the record of the member where the export was narrowed on purpose', () => {
    const may = mayFetch([entry('_since', '2026-01-01T00:00:00Z')]);
    expect(['Encounter', 'Practitioner'].map(may)).toEqual([false, true]);
  });
});
