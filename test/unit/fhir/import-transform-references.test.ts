import { describe, expect, it } from '@jest/globals';
import { referenceTargets } from '../../../fhir/import-references.ts';
import type { ImportContext } from '../../../fhir/import-transform.ts';
import { attachmentId } from '../../../fhir/missing-references.ts';
import { importContext, imported, ofMember, ofPayer } from './import-context.ts';

const ORIGINAL_REFERENCE = 'http://payer-to-payer-exchange/StructureDefinition/original-reference';
const anchor = importContext().anchorPatientId;

/** A Practitioner without meta or identifier, so that a test sees only the element it is about. */
const withElement = (element: string) =>
  `{"resourceType":"Practitioner","id":"1","identifier":[{"system":"urn:responder","value":"1"}],${element}}`;
const elementOf = (text: string, more: Partial<ImportContext> = {}): unknown =>
  (JSON.parse(imported(withElement(`"x":${text}`), more).text) as { x: unknown }).x;

const attachmentOf = (text: string, more: Partial<ImportContext> = {}): unknown =>
  (JSON.parse(imported(withElement(`"photo":[${text}]`), more).text) as { photo: unknown[] }).photo[0];

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
