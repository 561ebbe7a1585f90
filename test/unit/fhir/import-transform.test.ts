import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { importContext, imported, ofMember, ofPayer } from './import-context.ts';

const ORIGINAL_ID = 'http://payer-to-payer-exchange/StructureDefinition/original-id';
const TAG =
  '{"system":"http://smilecdr.com/fhir/tags","code":"migrated","display":"Resource imported from external payer"}';
const SOURCE = '"https://peer.example/fhir"';
const anchor = importContext().anchorPatientId;

describe('the id and its original', () => {
  it('derives from the patient inside the compartment and not outside', () => {
    expect(imported('{"resourceType":"Condition","id":"c"}').id).toBe(ofMember('Condition', 'c'));
    expect(imported('{"resourceType":"Practitioner","id":"c"}').id).toBe(ofPayer('Practitioner', 'c'));
    expect(imported('{"resourceType":"Patient","id":"m1"}').id).toBe(anchor);
  });

  it('keeps the original as an identifier behind the others', () => {
    const { text, identifiers } = imported(
      '{"resourceType":"Condition","id":"c","identifier":[ {"system":"s","value":"v"} ]}',
    );
    expect(text).toContain('"identifier":[ {"system":"s","value":"v"},{"system":"urn:responder","value":"c"} ]');
    expect(identifiers).toEqual([{ system: 's', value: 'v' }]);
  });

  it('does not add an identifier that is already there', () => {
    const { text } = imported(
      '{"resourceType":"Condition","id":"c","identifier":[{"system":"urn:responder","value":"c"}]}',
    );
    expect(text.split('urn:responder')).toHaveLength(2);
  });

  it('fills the single identifier of a type that has one, or else uses the extension', () => {
    expect(imported('{"resourceType":"QuestionnaireResponse","id":"q"}').text).toContain(
      '"identifier":{"system":"urn:responder","value":"q"}',
    );
    const taken = imported('{"resourceType":"QuestionnaireResponse","id":"q","identifier":{"value":"mine"}}').text;
    expect(JSON.parse(taken)).toMatchObject({
      identifier: { value: 'mine' },
      extension: [{ url: ORIGINAL_ID, valueIdentifier: { system: 'urn:responder', value: 'q' } }],
    });
  });

  it('uses the extension of a type without identifier, and the meta of a Binary', () => {
    const extension = { url: ORIGINAL_ID, valueIdentifier: { system: 'urn:responder', value: 'b' } };
    const provenance: unknown = JSON.parse(
      imported('{"resourceType":"Provenance","id":"b","extension":[{"url":"u"}]}').text,
    );
    expect(provenance).toMatchObject({ extension: [{ url: 'u' }, extension] });
    for (const meta of ['', '"meta":{"extension":[{"url":"u"}]},']) {
      const binary = JSON.parse(imported(`{"resourceType":"Binary","id":"b",${meta}"data":"AA=="}`).text) as {
        meta: { extension: unknown[] };
      };
      expect(binary.meta.extension.at(-1)).toEqual(extension);
      expect(binary).not.toHaveProperty('extension');
      expect(binary).not.toHaveProperty('identifier');
    }
  });

  it('adds the configured identifier to the Patient alone, once', () => {
    const extraPatientIdentifier = '{"system":"urn:mdm","value":"42"}';
    expect(imported('{"resourceType":"Patient","id":"m1"}', { extraPatientIdentifier }).text).toContain(
      `"identifier":[{"system":"urn:responder","value":"m1"},${extraPatientIdentifier}]`,
    );
    expect(imported('{"resourceType":"Condition","id":"c"}', { extraPatientIdentifier }).text).not.toContain('urn:mdm');
    const present = `{"resourceType":"Patient","id":"m1","identifier":[${extraPatientIdentifier}]}`;
    expect(imported(present, { extraPatientIdentifier }).text.split('urn:mdm')).toHaveLength(2);
  });
});

describe('meta', () => {
  const metaOf = (meta: string) =>
    /"meta":(.*),"identifier"/s.exec(imported(`{"resourceType":"Condition","id":"c","meta":${meta}}`).text)?.[1];

  it.each([
    ['the first', '{"versionId":"3","lastUpdated":"2020-01-01T00:00:00Z","profile":[ "p" ],"security":[{"code":"R"}]}'],
    ['the last', '{"profile":[ "p" ],"security":[{"code":"R"}],"versionId":"3","lastUpdated":"2020-01-01T00:00:00Z"}'],
    ['apart', '{"versionId":"3","profile":[ "p" ],"lastUpdated":"2020-01-01T00:00:00Z","security":[{"code":"R"}]}'],
  ])('loses version and instant, %s, and keeps all else', (_name, meta) => {
    expect(metaOf(meta)).toBe(`{"profile":[ "p" ],"security":[{"code":"R"}],"source":${SOURCE},"tag":[${TAG}]}`);
  });

  it('is made where there is none, behind the id', () => {
    expect(imported('{"id":"c","resourceType":"Condition"}').text).toMatch(
      new RegExp(`^\\{"id":"[0-9a-f]{40}","meta":\\{"source":${SOURCE},"tag":\\[`),
    );
    expect(metaOf('{"versionId":"1","lastUpdated":"x"}')).toBe(`{"source":${SOURCE},"tag":[${TAG}]}`);
    expect(metaOf('{ }')).toBe(`{"source":${SOURCE},"tag":[${TAG}] }`);
  });

  it('gets the source replaced and the tag added behind others, once', () => {
    expect(metaOf('{"source":"#1","tag":[{"code":"a"}]}')).toBe(`{"source":${SOURCE},"tag":[{"code":"a"},${TAG}]}`);
    const tagged = '{"tag":[{"system":"http://smilecdr.com/fhir/tags","code":"migrated"}],"source":"#1"}';
    expect(metaOf(tagged)).toBe(tagged.replace('"#1"', SOURCE));
  });
});

describe('what must not change', () => {
  it('keeps decimals, escapes, unknown fields, order and white space to the byte', () => {
    const body =
      '"valueQuantity" : { "value":1.50, "z":-0.0,"e":1E+2 },\t"unknown":{"ünï":"\\u00e9\\/\\ud83d\\ude00"},"_status":{"extension":[{"url":"u","valueDecimal":0.100}]},"status":"final"';
    const { text } = imported(`  {"resourceType":"Observation","id":"o",${body}}\r`);
    expect(text).toContain(body);
    expect(text.startsWith('{')).toBe(true);
    expect(text.endsWith('}')).toBe(true);
  });

  it('gives the same text for the same line', () => {
    const line = '{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/m1"}}';
    expect(imported(line)).toEqual(imported(line));
    const later = line.replace('"o",', '"o","meta":{"versionId":"2","lastUpdated":"2026-01-01T00:00:00Z"},');
    expect(JSON.parse(imported(later).text)).toEqual(JSON.parse(imported(line).text));
  });
});

describe('a member as Synthea writes one', () => {
  const folder = new URL('../../fixtures/synthea-sample/', import.meta.url);
  const lines = readdirSync(folder).flatMap((name) =>
    readFileSync(new URL(name, folder), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): [string, string] => [name.replace('.ndjson', ''), line]),
  );
  const memberId = '725f8f12-a6c0-9937-1f8e-9fae43451a0a';

  it.each(lines)(
    'keeps every byte of a %s outside ids, references, meta and the added identifier',
    (expectedType, line) => {
      const { text, id, originalId } = imported(line, { memberId, expectedType, resolve: () => true });
      const original = `{"system":"urn:responder","value":"${originalId}"}`;
      const added = [
        `,"meta":{"source":${SOURCE},"tag":[${TAG}]}`,
        `,"source":${SOURCE},"tag":[${TAG}]`,
        `,"identifier":[${original}]`,
        `,"extension":[{"url":"${ORIGINAL_ID}","valueIdentifier":${original}}]`,
        `,${original}`,
      ];
      const withoutAdded = added.reduce((json, addition) => json.replace(addition, ''), text);
      const masked = (json: string) =>
        json.replace(/"id":"[^"]*"/, '"id":""').replaceAll(/"reference":"[^#"][^"]*"/g, '"reference":""');
      expect(masked(withoutAdded)).toBe(masked(line));
      expect((JSON.parse(text) as { id: string }).id).toBe(id);
    },
  );
});
