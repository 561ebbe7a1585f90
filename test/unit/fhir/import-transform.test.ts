import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readRecord } from '../../../fhir/import-inspect.ts';
import { transformForImport } from '../../../fhir/import-transform.ts';
import type { ImportContext, ImportedResource } from '../../../fhir/import-transform.ts';
import { referenceTargets } from '../../../fhir/import-references.ts';
import { attachmentId } from '../../../fhir/missing-references.ts';
import { scanRecord } from '../../../fhir/record-scan.ts';
import { importContext, ofMember, ofPayer } from './import-context.ts';

const ORIGINAL_ID = 'http://payer-to-payer-exchange/StructureDefinition/original-id';
const ORIGINAL_REFERENCE = 'http://payer-to-payer-exchange/StructureDefinition/original-reference';
const TAG =
  '{"system":"http://smilecdr.com/fhir/tags","code":"migrated","display":"Resource imported from external payer"}';
const SOURCE = '"https://peer.example/fhir"';
const anchor = importContext().anchorPatientId;

function imported(text: string, more: Partial<ImportContext> = {}): ImportedResource {
  const result = transformForImport(text, importContext(more));
  if (result.kind === 'refused') throw new Error(`refused: ${result.reason}`);
  return result;
}

function reason(text: string, more: Partial<ImportContext> = {}): string {
  const result = transformForImport(text, importContext(more));
  return result.kind === 'refused' ? result.reason : 'stored';
}

/** A Practitioner without meta or identifier, so that a test sees only the element it is about. */
const withElement = (element: string) =>
  `{"resourceType":"Practitioner","id":"1","identifier":[{"system":"urn:responder","value":"1"}],${element}}`;
const elementOf = (text: string, more: Partial<ImportContext> = {}): unknown =>
  (JSON.parse(imported(withElement(`"x":${text}`), more).text) as { x: unknown }).x;

const attachmentOf = (text: string, more: Partial<ImportContext> = {}): unknown =>
  (JSON.parse(imported(withElement(`"photo":[${text}]`), more).text) as { photo: unknown[] }).photo[0];

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

describe('references', () => {
  it.each([
    ['inside the compartment', 'Encounter/e', `Encounter/${ofMember('Encounter', 'e')}`],
    ['to a shared type', 'Practitioner/p', `Practitioner/${ofPayer('Practitioner', 'p')}`],
    ['to the member', 'Patient/m1', `Patient/${anchor}`],
    [
      'absolute to the base of the payer',
      'https://PEER.example/fhir/Encounter/e',
      `Encounter/${ofMember('Encounter', 'e')}`,
    ],
    ['with a condition', 'Practitioner?identifier=s|v', 'Practitioner/by-v'],
  ])('%s lead to the imported resource', (_name, reference, expected) => {
    const x = { reference, type: 'T', display: 'd' };
    expect(elementOf(JSON.stringify(x))).toEqual({ ...x, reference: expected });
  });

  it('are read when the sender escapes slashes or keys', () => {
    expect(elementOf('{"\\u0072eference":"Encounter\\/e"}')).toEqual({
      reference: `Encounter/${ofMember('Encounter', 'e')}`,
    });
  });

  it('are found in contained resources, extensions, Provenance and Consent', () => {
    const text = `{"resourceType":"Provenance","id":"p","contained":[{"resourceType":"Coverage","id":"c","beneficiary":{"reference":"Patient/m1"}}],
      "extension":[{"url":"u","valueReference":{"reference":"Encounter/1"}}],"target":[{"reference":"Encounter/2"}],
      "agent":[{"who":{"reference":"Organization/3"}}],"entity":[{"what":{"reference":"Encounter/4","identifier":{"assigner":{"reference":"Organization/5"}}}}]}`;
    const references = [...imported(text).text.matchAll(/"reference":"([^"]*)"/g)].map(([, reference]) => reference);
    expect(references).toEqual([
      `Patient/${anchor}`,
      `Encounter/${ofMember('Encounter', '1')}`,
      `Encounter/${ofMember('Encounter', '2')}`,
      `Organization/${ofPayer('Organization', '3')}`,
      `Encounter/${ofMember('Encounter', '4')}`,
      `Organization/${ofPayer('Organization', '5')}`,
    ]);
    expect(elementOf('{"reference":{"reference":"Encounter/e"}}')).toEqual({
      reference: { reference: `Encounter/${ofMember('Encounter', 'e')}` },
    });
  });

  it.each([
    '{"reference":"#x"}',
    '{"reference":"urn:uuid:1"}',
    '{"reference":"https://elsewhere.example/fhir/Encounter/e"}',
    '{"identifier":{"system":"s","value":"v"}}',
    '{"fullUrl":"https://peer.example/fhir/Encounter/e","url":"Encounter/e","instantiatesCanonical":["PlanDefinition/1"]}',
    '{"reference":["Encounter/e"]}',
    '{"div":"<div>\\"reference\\":\\"Encounter/e\\"</div>"}',
  ])('leaves %s as it is', (x) => {
    const result = imported(withElement(`"x":${x}`));
    expect(result.text).toContain(`"x":${x}`);
  });

  it('become logical when the target was never delivered, and keep the original', () => {
    const identifier = { system: 'urn:responder', value: 'Encounter/gone' };
    const extension = { url: ORIGINAL_REFERENCE, valueString: 'Encounter/gone' };
    expect(elementOf('{"reference":"Encounter/gone","display":"d"}')).toEqual({
      identifier,
      extension: [extension],
      display: 'd',
    });
    expect(elementOf('{"extension":[{"url":"u"}],"reference":"Encounter/gone"}')).toEqual({
      identifier,
      extension: [{ url: 'u' }, extension],
    });
    const own = { value: 'own' };
    expect(elementOf('{"reference":"Encounter/gone","identifier":{"value":"own"}}')).toEqual({
      identifier: own,
      extension: [extension],
    });
    expect(elementOf('{"identifier":{"value":"own"},"extension":[ ],"reference":"Encounter/gone"}')).toEqual({
      identifier: own,
      extension: [extension],
    });
  });

  it('to undelivered targets keep what was written, relative to the payer’s base', () => {
    const text = withElement(
      '"a":{"reference":"Encounter/gone1/_history/2"},"b":{"reference":"Practitioner?identifier=s|none"},"c":{"reference":"https://peer.example/fhir/Encounter/gone2"}',
    );
    const { text: stored } = imported(text);
    expect(stored).toContain('"b":{"reference":"Practitioner?identifier=s|none"}');
    expect(stored).toContain('"value":"Encounter/gone1"');
    expect(stored).toContain('"valueString":"Encounter/gone1/_history/2"');
    expect(stored).toContain('"valueString":"Encounter/gone2"');
  });

  it('to another Patient never resolve, even where the caller knows one of that id', () => {
    expect(elementOf('{"reference":"Patient/other"}', { resolve: () => true })).toMatchObject({
      identifier: { value: 'Patient/other' },
    });
    expect(elementOf('{"reference":"Patient/m1"}', { resolve: () => false })).toEqual({
      reference: `Patient/${anchor}`,
    });
  });

  it('with a version lead to the imported resource, and say what version it was there', () => {
    const x = { reference: 'Encounter/e/_history/7', display: 'd' };
    expect(elementOf(JSON.stringify(x))).toEqual({
      ...{ reference: `Encounter/${ofMember('Encounter', 'e')}`, display: 'd' },
      extension: [{ url: ORIGINAL_REFERENCE, valueString: 'Encounter/e/_history/7' }],
    });
  });

  it('by urn:uuid lead to the imported resource where they say its type', () => {
    const urn = 'urn:uuid:3c9b1f6e-0000-4000-8000-000000000001';
    const id = urn.slice('urn:uuid:'.length);
    expect(elementOf(JSON.stringify({ reference: urn, type: 'Encounter' }))).toMatchObject({
      reference: `Encounter/${ofMember('Encounter', id)}`,
    });
    expect(elementOf(JSON.stringify({ reference: urn }))).toEqual({ reference: urn });
  });

  it.each([
    ['relative', 'Binary/b1'],
    ['absolute to the base of the payer', 'https://peer.example/fhir/Binary/b1'],
  ])('of attachments, %s, lead to the imported Binary and keep what was written', (_how, url) => {
    expect(attachmentOf(JSON.stringify({ contentType: 'text/plain', url }))).toEqual({
      ...{ contentType: 'text/plain', url: `Binary/${ofMember('Binary', 'b1')}` },
      extension: [{ url: ORIGINAL_REFERENCE, valueString: url }],
    });
  });

  it('of attachments elsewhere lead to the Binary that holds their bytes, where those came', () => {
    const url = 'https://files.example/report.pdf';
    const attachment = JSON.stringify({ contentType: 'application/pdf', url });
    expect(attachmentOf(attachment)).toMatchObject({ url: `Binary/${ofMember('Binary', attachmentId(url))}` });
    expect(attachmentOf(attachment, { resolve: () => false })).toEqual(JSON.parse(attachment));
  });

  it('in the URL of an extension stay what they are', () => {
    const extension = { url: 'Binary/b1', valueString: 'x' };
    expect(attachmentOf(JSON.stringify(extension))).toEqual(extension);
  });

  it('can be listed before anything is resolved', () => {
    const text = withElement(
      '"a":[{"reference":"Encounter/1/_history/2"},{"reference":"Location?identifier=s|v"},{"reference":"#c"}]',
    );
    expect(referenceTargets(text, 'https://peer.example/fhir')).toMatchObject({
      literals: [{ type: 'Encounter', originalId: '1' }],
      conditionals: [{ type: 'Location', system: 's', value: 'v' }],
    });
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

describe('refusals', () => {
  const other = '{"reference":"Patient/m2"}';

  it.each([
    ['malformed-json', '{"resourceType":"Observation","id":"1"'],
    ['malformed-json', ''],
    ['not-an-object', '[]'],
    ['not-an-object', 'null'],
    ['unknown-type', '{"id":"1"}'],
    ['unknown-type', '{"resourceType":"toString","id":"1"}'],
    ['not-a-record', '{"resourceType":"OperationOutcome","id":"1"}'],
    ['not-a-record', '{"resourceType":"Parameters"}'],
    ['not-a-record', '{"resourceType":"Bundle","id":"1"}'],
    ['missing-id', '{"resourceType":"Observation"}'],
    ['missing-id', '{"resourceType":"Observation","id":""}'],
    ['invalid-id', '{"resourceType":"Observation","id":7}'],
    ['invalid-id', '{"resourceType":"Observation","id":"a/b"}'],
    ['foreign-member', '{"resourceType":"Patient","id":"m2"}'],
    ['foreign-member', `{"resourceType":"Observation","id":"1","subject":${other}}`],
    [
      'foreign-member',
      `{"resourceType":"Group","id":"1","member":[{"entity":{"reference":"Patient/m1"}},{"entity":${other}}]}`,
    ],
    ['foreign-member', `{"resourceType":"Task","id":"1","for":${other}}`],
    ['foreign-member', `{"resourceType":"Person","id":"1","link":[{"target":${other}}]}`],
    ['foreign-member', '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/not_valid"}}'],
    [
      'foreign-member',
      '{"resourceType":"Observation","id":"1","subject":{"reference":"https://x.example/Patient/m2/_history/1"}}',
    ],
    ['foreign-member', '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient?identifier=s|v"}}'],
    ['foreign-member', '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient?name=x"}}'],
    [
      'duplicate-key',
      `{"resourceType":"Observation","id":"1","subject":${other},"subject":{"reference":"Patient/m1"}}`,
    ],
    ['duplicate-key', '{"resourceType":"Observation","id":"1","\\u0069d":"2"}'],
    ['duplicate-key', '{"resourceType":"Observation","id":"1","meta":{"tag":[],"tag":[]}}'],
    [
      'duplicate-key',
      '{"resourceType":"Observation","id":"1","focus":[{"reference":"Device/1","reference":"Device/2"}]}',
    ],
    ['invalid-structure', '{"resourceType":"Observation","id":"1","meta":[]}'],
    ['invalid-structure', '{"resourceType":"Observation","id":"1","meta":{"tag":{}}}'],
    ['invalid-structure', '{"resourceType":"Observation","id":"1","identifier":{"system":"s","value":"v"}}'],
    [
      'invalid-structure',
      '{"resourceType":"Observation","id":"1","focus":[{"reference":"Device/gone","extension":{}}]}',
    ],
  ])('%s: %s', (expected, line) => {
    expect(reason(line)).toBe(expected);
  });

  it.each([
    [
      'a Person that is the member and one more record',
      `{"resourceType":"Person","id":"1","link":[{"target":{"reference":"Patient/m1"}},{"target":${other}}]}`,
    ],
    [
      'a Coverage that another subscribes',
      `{"resourceType":"Coverage","id":"1","beneficiary":{"reference":"Patient/m1"},"subscriber":${other}}`,
    ],
    [
      'the Patient that links to another',
      `{"resourceType":"Patient","id":"m1","link":[{"other":${other},"type":"seealso"}]}`,
    ],
    [
      'the member by condition',
      '{"resourceType":"Observation","id":"1","subject":{"reference":"Patient?identifier=s|me"}}',
    ],
    ['a subject that is no Patient', '{"resourceType":"Observation","id":"1","subject":{"reference":"Location/1"}}'],
  ])('not %s', (_name, line) => {
    expect(reason(line, { resolveIdentifier: (_type, _system, value) => (value === 'me' ? anchor : undefined) })).toBe(
      'stored',
    );
  });

  it('wrong-type where the file is announced with another', () => {
    const line = '{"resourceType":"Observation","id":"1"}';
    expect(reason(line, { expectedType: 'Condition' })).toBe('wrong-type');
    expect(reason(line, { expectedType: 'Observation' })).toBe('stored');
  });

  it('are seen by a first pass too, but for conditions on the Patient', () => {
    const context = { memberId: 'm1', peerBase: 'https://peer.example/fhir' };
    const verdict = (line: string) => {
      const result = readRecord(line, scanRecord(line), context);
      return result.kind === 'refused' ? result.reason : result.originalId;
    };
    expect(verdict(`{"resourceType":"Observation","id":"1","subject":${other}}`)).toBe('foreign-member');
    expect(verdict('{"resourceType":"Observation","id":"1","status":"a","status":"b"}')).toBe('duplicate-key');
    expect(verdict('{"resourceType":"Observation","id":"1","meta":[]}')).toBe('invalid-structure');
    expect(verdict('{"resourceType":"Observation","id":"1","subject":{"reference":"Patient?identifier=s|v"}}')).toBe(
      '1',
    );
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
