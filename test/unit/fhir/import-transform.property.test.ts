import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { transformForImport } from '../../../fhir/import-transform.ts';
import { importContext, ofMember, ofPayer } from './import-context.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonRecord = { [key: string]: Json };

const ORIGINAL_ID = 'http://payer-to-payer-exchange/StructureDefinition/original-id';
const ORIGINAL_REFERENCE = 'http://payer-to-payer-exchange/StructureDefinition/original-reference';
const { responderIdentifierSystem, metaSource, migratedTag } = importContext();
/** Outside this file's reach a value could pass for an element that the import extends or checks. */
const CHECKED = new Set([
  'id',
  'meta',
  'resourceType',
  'identifier',
  'extension',
  'subject',
  'patient',
  'target',
  'reference',
]);

const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '  \r\n');
const numberText = fc.oneof(
  fc.constantFrom('0', '-0', '-0.0', '1.50', '0.100', '1E+2', '12345678901234567890', '1e-7', '3.1400'),
  fc.tuple(fc.integer(), fc.nat(999)).map(([whole, digits]) => `${whole}.${String(digits).padStart(3, '0')}`),
);
const stringText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"\\u00e9\\/"', '"\\"}]{[,:\\\\"', '"\\ud83d\\ude00"', '"reference"', '"1.50"'),
);
const keyText = fc
  .string({ maxLength: 8 })
  .filter((key) => !CHECKED.has(key) && key !== '__proto__')
  .map((key) => JSON.stringify(key));
const referenceText = fc.constantFrom(
  '"Patient/m1"',
  '"Encounter/1"',
  '"Encounter\\/2"',
  '"Encounter/gone"',
  '"Practitioner/gone/_history/2"',
  '"Organization/3/_history/1"',
  '"https://PEER.example/fhir/Encounter/4"',
  '"Practitioner?identifier=s|v"',
  '"Practitioner?identifier=s|none"',
  '"#c"',
  '"urn:uuid:1"',
  '"https://elsewhere.example/Encounter/1"',
);

const objectText = (properties: fc.Arbitrary<[string, string]>, least = 0) =>
  fc
    .tuple(
      fc.uniqueArray(properties, { minLength: least, maxLength: 5, selector: ([key]) => JSON.parse(key) as string }),
      space,
      space,
    )
    .map(
      ([list, before, after]) =>
        `{${before}${list.map(([key, value]) => `${key}${after}:${before}${value}`).join(`,${after}`)}${after}}`,
    );

const { value: valueText } = fc.letrec<{ value: string }>((tie) => {
  const property = fc.tuple(keyText, tie('value'));
  const referenceProperty = fc.oneof(
    fc.tuple(
      fc.constant('"reference"'),
      fc.oneof({ weight: 4, arbitrary: referenceText }, { weight: 1, arbitrary: tie('value') }),
    ),
    fc.tuple(fc.constant('"identifier"'), fc.constant('{"system":"own","assigner":{"reference":"Organization/5"}}')),
    fc.tuple(
      fc.constant('"extension"'),
      fc.constantFrom('[ ]', '[{"url":"u","valueReference":{"reference":"Encounter/6"}} ]'),
    ),
    property,
  );
  const elements = fc
    .tuple(fc.array(tie('value'), { maxLength: 4 }), space)
    .map(([list, gap]) => `[${gap}${list.join(`${gap},`)}${gap}]`);
  return {
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(numberText, stringText, fc.constantFrom('true', 'false', 'null')),
      objectText(property),
      objectText(referenceProperty, 1),
      elements,
    ),
  };
});

const metaText = fc.constantFrom(
  undefined,
  '{}',
  '{"versionId":"1"}',
  '{ "lastUpdated":"2020-01-01T00:00:00Z" , "versionId":"1","profile":["p"] }',
  '{"profile":["p"],"source":"#old","tag":[],"x":1.50,"lastUpdated":"2020-01-01T00:00:00Z"}',
  '{"tag":[{"system":"a","code":"b"}],"extension":[{"url":"u"}]}',
);

const resourceText = fc
  .tuple(
    fc.constantFrom('Observation', 'Practitioner', 'Provenance', 'QuestionnaireResponse', 'Binary'),
    metaText,
    fc.constantFrom(undefined, 'identifier', 'extension'),
    fc.uniqueArray(fc.tuple(keyText, valueText), { maxLength: 6, selector: ([key]) => JSON.parse(key) as string }),
    fc.nat(),
    space,
  )
  .map(([type, meta, taken, others, seed, gap]) => {
    const properties = [
      `"resourceType":"${type}"`,
      '"id":"o1"',
      ...others.map(([key, value]) => `${key}:${gap}${value}`),
    ];
    if (meta !== undefined) properties.push(`"meta":${meta}`);
    if (taken === 'identifier') {
      const isSingle = type === 'QuestionnaireResponse';
      properties.push(`"identifier":${isSingle ? '{"value":"mine"}' : '[{"value":"mine"}]'}`);
    }
    if (taken === 'extension') properties.push('"extension":[{"url":"u","valueDecimal":1.0}]');
    const turn = seed % properties.length;
    const turned = [...properties.slice(turn), ...properties.slice(0, turn)];
    return `${gap}{${turned.join(`${gap},${gap}`)}${gap}}${gap}`;
  });

const isRecord = (value: Json | undefined): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The reference strings that the context of these tests gives, by original. */
const LOCAL = new Map([
  ['Patient/m1', `Patient/${importContext().anchorPatientId}`],
  ['Encounter/1', `Encounter/${ofMember('Encounter', '1')}`],
  ['Encounter/2', `Encounter/${ofMember('Encounter', '2')}`],
  ['Encounter/6', `Encounter/${ofMember('Encounter', '6')}`],
  ['Organization/3/_history/1', `Organization/${ofPayer('Organization', '3')}`],
  ['Organization/5', `Organization/${ofPayer('Organization', '5')}`],
  ['https://PEER.example/fhir/Encounter/4', `Encounter/${ofMember('Encounter', '4')}`],
  ['Practitioner?identifier=s|v', 'Practitioner/by-v'],
]);
const ORIGINAL = new Map([...LOCAL].map(([original, local]) => [local, original]));

/** Puts original references back, and back into the place of logical ones. */
function withOriginalReferences(value: Json): Json {
  if (Array.isArray(value)) return value.map(withOriginalReferences);
  if (!isRecord(value)) return value;
  const undone: JsonRecord = {};
  for (const [key, inner] of Object.entries(value)) undone[key] = withOriginalReferences(inner);
  const { reference, extension, identifier } = undone;
  if (typeof reference === 'string') undone['reference'] = ORIGINAL.get(reference) ?? reference;
  const kept = Array.isArray(extension) ? extension.at(-1) : undefined;
  if (!Array.isArray(extension) || !isRecord(kept) || kept['url'] !== ORIGINAL_REFERENCE) return undone;
  undone['reference'] = kept['valueString'] ?? null;
  extension.pop();
  if (isRecord(identifier) && identifier['system'] === responderIdentifierSystem) delete undone['identifier'];
  // The inputs hold empty lists as well; which of the two it was does not matter to a reader.
  if (extension.length === 0) delete undone['extension'];
  return undone;
}

function withoutEmptyExtensions(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutEmptyExtensions);
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(
    ([key, inner]) => !(key === 'extension' && Array.isArray(inner) && inner.length === 0 && 'reference' in value),
  );
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutEmptyExtensions(inner)]));
}

/** What of `meta` no import may change. */
function restOfMeta(meta: Json | undefined): JsonRecord {
  if (!isRecord(meta)) return {};
  const { versionId: _version, lastUpdated: _instant, source: _source, tag, extension, ...rest } = meta;
  const lists: JsonRecord = {};
  const isOurs = (entry: Json) =>
    isRecord(entry) &&
    (entry['url'] === ORIGINAL_ID || (entry['system'] === migratedTag.system && entry['code'] === migratedTag.code));
  for (const [key, list] of Object.entries({ tag, extension })) {
    if (Array.isArray(list) && list.some((entry) => !isOurs(entry)))
      lists[key] = list.filter((entry) => !isOurs(entry));
  }
  return { ...rest, ...lists };
}

/** A resource without what the import may add or replace at its root. */
function comparable(resource: JsonRecord): Json {
  const { meta, identifier, extension, id: _id, ...rest } = resource;
  const isAdded = (entry: Json) =>
    isRecord(entry) && (entry['system'] === responderIdentifierSystem || entry['url'] === ORIGINAL_ID);
  const kept: JsonRecord = { meta: restOfMeta(meta) };
  for (const [key, value] of Object.entries({ identifier, extension })) {
    if (value === undefined) continue;
    const list = (Array.isArray(value) ? value : [value]).filter((entry) => !isAdded(entry));
    if (list.length > 0) kept[key] = list;
  }
  return { ...rest, ...kept };
}

const numbersOf = (text: string) =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g)].flatMap(([, number]) => number ?? []);

describe('transformForImport on any resource', () => {
  it('changes nothing but id, references, meta and the added identifier, and no digit of a number', () => {
    fc.assert(
      fc.property(resourceText, (input) => {
        const result = transformForImport(input, importContext());
        if (result.kind === 'refused') throw new Error(`refused: ${result.reason}`);
        const before = JSON.parse(input) as JsonRecord;
        const after = JSON.parse(result.text) as JsonRecord;
        expect(withoutEmptyExtensions(comparable(withOriginalReferences(after) as JsonRecord))).toEqual(
          withoutEmptyExtensions(comparable(before)),
        );
        expect(numbersOf(result.text)).toEqual(numbersOf(input));
        expect(after['id']).toBe(result.id);
        expect(after['meta']).toMatchObject({ source: metaSource });
        expect(after['meta']).not.toHaveProperty('versionId');
        expect(after['meta']).not.toHaveProperty('lastUpdated');
        expect(result.text).toContain(JSON.stringify({ system: responderIdentifierSystem, value: 'o1' }));
      }),
      { numRuns: 1000 },
    );
  });
});
