import { describe, expect, it } from '@jest/globals';
import { referenceTargets } from '../../../fhir/import-references.ts';
import { transformForImport } from '../../../fhir/import-transform.ts';
import type { ImportContext } from '../../../fhir/import-transform.ts';
import { attachmentId, mayFetch, UNTYPED } from '../../../fhir/missing-references.ts';
import { importContext, ofMember, ofPayer } from './import-context.ts';

const BASE = 'https://peer.example/fhir';
const ORIGINAL_REFERENCE = 'http://payer-to-payer-exchange/StructureDefinition/original-reference';
const kept = (valueString: string) => ({ url: ORIGINAL_REFERENCE, valueString });
const UUID = '3c9b1f6e-0000-4000-8000-000000000001';

/** The properties of a stored Practitioner that came with these, and identifies itself already. */
function stored(properties: object, more: Partial<ImportContext> = {}): Record<string, unknown> {
  const identifier = [{ system: 'urn:responder', value: '1' }];
  const text = JSON.stringify({ resourceType: 'Practitioner', id: '1', identifier, ...properties });
  const result = transformForImport(text, importContext(more));
  if (result.kind === 'refused') throw new Error(`refused: ${result.reason}`);
  return JSON.parse(result.text) as Record<string, unknown>;
}

const referenceOf = (x: object, more: Partial<ImportContext> = {}): unknown => stored({ x }, more)['x'];
const attachmentOf = (attachment: object, more: Partial<ImportContext> = {}): unknown =>
  (stored({ photo: [attachment] }, more)['photo'] as unknown[])[0];
const attachmentsOf = (resource: object) => referenceTargets(JSON.stringify(resource), BASE).attachments;

describe('a reference by URN', () => {
  const resolveUrn = (id: string): string | undefined => (id === UUID || id === '1.2.3' ? 'Practitioner' : undefined);

  it.each([
    [`urn:uuid:${UUID}`, UUID],
    ['urn:oid:1.2.3', '1.2.3'],
  ])('(%s) leads to the one resource that came under that id, and says what stood there', (reference, id) => {
    expect(referenceOf({ reference, display: 'd' }, { resolveUrn })).toEqual({
      ...{ reference: `Practitioner/${ofPayer('Practitioner', id)}`, display: 'd' },
      extension: [kept(reference)],
    });
  });

  it.each(['urn:uuid:3c9b1f6e-0000-4000-8000-000000000002', 'urn:isbn:0451450523', 'urn:uuid:not_an_id'])(
    '(%s) that leads to nothing stays as it is',
    (reference) => {
      expect(referenceOf({ reference }, { resolveUrn })).toEqual({ reference });
    },
  );

  it('is listed as one where nothing tells its type, and as a literal where the Reference does', () => {
    const text = JSON.stringify({
      resourceType: 'Observation',
      focus: [
        { reference: `urn:uuid:${UUID}` },
        { reference: 'urn:oid:1.2.3', type: 'Device' },
        { reference: 'urn:isbn:1' },
      ],
    });
    expect(referenceTargets(text, BASE)).toMatchObject({
      urns: [`urn:uuid:${UUID}`],
      literals: [{ type: 'Device', originalId: '1.2.3' }],
    });
  });

  it('to another Patient makes the record another member’s', () => {
    const about = (reference: string): unknown => {
      const subject = { reference, type: 'Patient' };
      const result = transformForImport(
        JSON.stringify({ resourceType: 'Observation', id: '1', subject }),
        importContext(),
      );
      return result.kind === 'refused' ? result.reason : result.kind;
    };
    expect(about(`urn:uuid:${UUID}`)).toBe('foreign-member');
    expect(about('urn:uuid:m1')).toBe('resource');
  });

  it('cannot be asked of the payer', () => {
    expect(mayFetch([])(UNTYPED)).toBe(false);
    expect(mayFetch([])('Practitioner')).toBe(true);
  });
});

describe('an absolute, versioned reference', () => {
  const reference = 'https://PEER.example/fhir/Encounter/gone/_history/2';

  it('to a resource that did not come keeps its version', () => {
    expect(referenceOf({ reference })).toMatchObject({ extension: [kept('Encounter/gone/_history/2')] });
  });

  it('to one that came keeps the whole of it', () => {
    expect(referenceOf({ reference }, { resolve: () => true })).toEqual({
      reference: `Encounter/${ofMember('Encounter', 'gone')}`,
      extension: [kept(reference)],
    });
  });
});

describe('what is no Attachment', () => {
  it.each([
    ['a resource with a canonical URL', { resourceType: 'CodeSystem', id: '1', title: 't', content: 'complete' }],
    [
      'a contained one',
      {
        resourceType: 'ExplanationOfBenefit',
        id: '1',
        contained: [{ resourceType: 'Library', title: 't', content: [], url: 'https://x.example/Library/1' }],
      },
    ],
    ['an Extension', { resourceType: 'Basic', id: '1', extension: [{ url: 'https://x.example/e', valueString: 'v' }] }],
    ['a link', { resourceType: 'TestScript', id: '1', metadata: { link: [{ url: 'https://x.example' }] }, content: 1 }],
  ])('(%s) is not fetched, and its URL stays', (_name, resource) => {
    const whole = { url: 'https://x.example/canonical', ...resource };
    expect(attachmentsOf(whole)).toEqual([]);
    const result = transformForImport(JSON.stringify(whole), importContext({ resolve: () => true }));
    expect(result.kind === 'resource' && result.text).toContain('"url":"https://x.example/canonical"');
  });
});

describe('an Attachment', () => {
  it('that has nothing but the URL of a Binary leads to the imported one', () => {
    expect(attachmentOf({ url: 'Binary/b1' })).toEqual({
      url: `Binary/${ofMember('Binary', 'b1')}`,
      extension: [kept('Binary/b1')],
    });
  });

  it('with a relative URL that is no resource lies below the payer’s base', () => {
    const written = { contentType: 'application/pdf', url: '../files/1.pdf' };
    const url = 'https://peer.example/files/1.pdf';
    expect(attachmentsOf({ resourceType: 'Practitioner', photo: [written] })).toEqual([
      { url, contentType: 'application/pdf' },
    ]);
    expect(attachmentOf(written)).toMatchObject({
      url: `Binary/${ofMember('Binary', attachmentId(url))}`,
      extension: [kept('../files/1.pdf')],
    });
  });

  it.each(['urn:oid:1.2.3', 'ftp://files.example/1.pdf', '#c', 'data:text/plain,x', 'https://x.example/\0'])(
    'at %j can be fetched from nowhere, and stays',
    (url) => {
      const attachment = { contentType: 'text/plain', url };
      expect(attachmentsOf({ resourceType: 'Practitioner', photo: [attachment] })).toEqual([]);
      expect(attachmentOf(attachment)).toEqual(attachment);
    },
  );

  it.each([
    ['DocumentReference', { content: [{ attachment: { url: 'Binary/b1' } }] }],
    ['DiagnosticReport', { presentedForm: [{ contentType: 'text/plain', url: 'Binary/b1' }] }],
    ['Media', { content: { contentType: 'text/plain', url: 'Binary/b1' } }],
    ['Communication', { payload: [{ contentAttachment: { title: 't', url: 'Binary/b1' } }] }],
    ['Consent', { sourceAttachment: { size: 1, url: 'Binary/b1' } }],
    ['BodyStructure', { image: [{ hash: 'aGFzaA==', url: 'Binary/b1' }] }],
    ['Claim', { supportingInfo: [{ valueAttachment: { creation: '2020', url: 'Binary/b1' } }] }],
    ['Observation', { extension: [{ url: 'u', valueAttachment: { url: 'Binary/b1', language: 'en' } }] }],
  ])('of a %s is found', (resourceType, element) => {
    const { literals } = referenceTargets(JSON.stringify({ resourceType, ...element }), BASE);
    expect(literals).toEqual([{ type: 'Binary', originalId: 'b1' }]);
  });
});

describe('what names something without pointing to it', () => {
  it('stays: canonicals, identifiers, contained resources, links of the narrative', () => {
    const properties = {
      text: { status: 'generated', div: '<div><a href="Encounter/e">e</a><img src="Binary/b1"/></div>' },
      instantiatesCanonical: [`${BASE}/PlanDefinition/1`],
      a: { identifier: { system: 's', value: 'v' } },
      b: { reference: '#c' },
    };
    expect(stored(properties)).toMatchObject(properties);
  });
});
