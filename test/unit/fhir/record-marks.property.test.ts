import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createDisclosure } from '../../../fhir/disclosure.ts';
import { listedReference } from '../../../fhir/listed-references.ts';
import { goesAlong } from '../../../fhir/open-types.ts';
import { isOver, isUnmarked, MARK, marksOf } from '../../../fhir/record-marks.ts';
import type { Unmarked } from '../../../fhir/record-marks.ts';
import { sharedReferences } from '../../../fhir/shared-references.ts';
import { metaStamp, metaStart } from '../../../fhir/stored-bytes.ts';
import { withStoredMeta } from '../../../fhir/stored-text.ts';
import { AS_OPERATOR, AS_PARTNER, disclosed, RULES } from './disclosure-examples.ts';

const disclosure = createDisclosure({ rules: RULES });

const goesOutUnread = (text: string, unmarked: Unmarked | undefined): boolean =>
  unmarked !== undefined && isUnmarked(marksOf(text).marks, unmarked);

const word = fc.constantFrom(
  ...['use', 'preauthorization', 'claim', 'adjudication', 'amount', 'total', 'extension', 'valueMoney', 'currency'],
  ...['USD', 'meta', 'security', 'tag', 'code', 'R', 'copay', 'item', 'net', 'category', 'coding', 'system', 'url'],
  ...[
    'billablePeriod',
    'start',
    'created',
    'status',
    'active',
    '2021-01-01',
    '2025-01-01',
    '2026',
    '1999',
    'versionId',
  ],
  ...['urn:iso:std:iso:4217', 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', 'effectiveDateTime'],
  ...['reference', 'Practitioner/1', 'Practitioner/2/_history/1', 'Organization?identifier=s|1', 'Patient/p', 'é\\"'],
  ...['Location?name=x', 'Device/a b', 'Medication', 'contained', 'text'],
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    word,
    fc.string(),
    fc.integer(),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(word, tie('value'), { maxKeys: 5 }),
}));
const part = fc.oneof(
  fc.constantFrom(
    'http://hl7.org/fhir/sid/us-npi',
    'urn:npi',
    '1',
    'a b',
    '%7C',
    '%',
    'é',
    '\\|',
    '\\\\',
    '"',
    '/',
    '?',
    '\0',
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constant('\ud800'),
);
const printed = (all: readonly object[]): Set<string> => new Set(all.map((each) => JSON.stringify(each)));
const type = fc.constantFrom('Observation', 'ExplanationOfBenefit', 'Claim', 'ClaimResponse');
const fields = fc.dictionary(word, value, { maxKeys: 6 });
const indent = fc.constantFrom(undefined, 1);

describe('any record that has no mark', () => {
  const record = fc
    .tuple(type, fields, fc.constantFrom<object>({}, { meta: { tag: [] } }), indent)
    .map(([resourceType, more, meta, space]) => ({
      resourceType,
      text: JSON.stringify({ resourceType, id: 'x', ...meta, ...more }, undefined, space),
    }));

  it('is shown to a partner as it is', async () => {
    await fc.assert(
      fc.asyncProperty(record, async ({ resourceType, text }) => {
        fc.pre(goesOutUnread(text, disclosure.unmarked(resourceType, AS_PARTNER)));
        expect(await disclosed(text)).toEqual({ kind: 'shown', text, masked: [] });
      }),
    );
  });

  it('is withheld from a partner by the look-back where its service is over', async () => {
    const year = fc.integer({ min: 2018, max: 2023 });
    const dates = fc.record(
      {
        effectiveDateTime: fc
          .tuple(year, fc.integer({ min: 10, max: 12 }))
          .map(([each, month]) => `${each}-${month}-15`),
        billablePeriod: fc.tuple(year, year).map(([start, end]) => ({ start: String(start), end: String(end) })),
        status: fc.constantFrom('active', 'final'),
      },
      { requiredKeys: [] },
    );
    const dated = fc.tuple(type, fields, dates).map(([resourceType, more, dateFields]) => ({
      resourceType,
      text: JSON.stringify({ resourceType, id: 'x', meta: { tag: [] }, ...more, ...dateFields }),
    }));
    await fc.assert(
      fc.asyncProperty(dated, async ({ resourceType, text }) => {
        const unmarked = disclosure.unmarked(resourceType, AS_PARTNER);
        fc.pre(unmarked !== undefined && isOver(marksOf(text).marks, unmarked));
        expect(await disclosed(text)).toEqual({ kind: 'withheld', reason: 'look-back' });
      }),
    );
  });

  it('has the meta of the store in it by its bytes', () => {
    const stored = { versionId: '2', lastUpdated: '2026-11-21T04:35:26.123Z' };
    fc.assert(
      fc.property(record, ({ resourceType, text }) => {
        fc.pre(goesOutUnread(text, disclosure.unmarked(resourceType, AS_OPERATOR)));
        const bytes = Buffer.from(text);
        const place = metaStart(bytes, 0, bytes.length);
        const written = Buffer.concat([bytes.subarray(0, place), metaStamp(stored), bytes.subarray(place)]).toString();
        expect(written).toBe(withStoredMeta(text, stored));
        expect((JSON.parse(written) as { meta: unknown }).meta).toMatchObject(stored);
      }),
    );
  });

  it('refers to what its shared references name, and nothing else that goes along', () => {
    const searched = fc
      .tuple(fc.constantFrom('Practitioner', 'Location', 'Patient'), fc.constantFrom('', 'active=true&'), part, part)
      .map(([name, before, system, code]) => `${name}?${before}identifier=${system}|${code}`);
    const referring = fc
      .tuple(record, fc.array(fc.oneof(word, searched), { maxLength: 4 }))
      .map(([{ text }, all]) => `{"all":${JSON.stringify(all.map((reference) => ({ reference })))},"of":${text}}`);
    fc.assert(
      fc.property(referring, (text) => {
        const { marks, sharedReferences: found } = marksOf(text);
        const { literals, conditionals } = sharedReferences(text, goesAlong, new Set());
        const told = printed((found?.split(' ') ?? []).map(listedReference));
        const all = printed([...literals, ...conditionals]);
        if ((marks & MARK.reference) === 0) expect(told).toEqual(all);
        else expect([...all]).toEqual(expect.arrayContaining([...told, ...printed(literals)]));
      }),
      { numRuns: 1000 },
    );
  });
});
