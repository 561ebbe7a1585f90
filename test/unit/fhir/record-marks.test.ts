import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createDisclosure } from '../../../fhir/disclosure.ts';
import type { DisclosureContext } from '../../../fhir/disclosure.ts';
import { listedReference } from '../../../fhir/listed-references.ts';
import { goesAlong } from '../../../fhir/open-types.ts';
import { isOver, isUnmarked, MARK, marksOf } from '../../../fhir/record-marks.ts';
import type { Unmarked } from '../../../fhir/record-marks.ts';
import { sharedReferences } from '../../../fhir/shared-references.ts';
import { metaStamp, metaStart } from '../../../fhir/stored-bytes.ts';
import { withStoredMeta } from '../../../fhir/stored-text.ts';
import { disclosed, PARTNER, RULES } from './disclosure-examples.ts';

const disclosure = createDisclosure({ rules: RULES });
const AS_OPERATOR: DisclosureContext = { clientId: 'us', partner: undefined };
const AS_PARTNER: DisclosureContext = { clientId: 'partner', partner: PARTNER };

const goesOutUnread = (text: string, unmarked: Unmarked | undefined): boolean =>
  unmarked !== undefined && isUnmarked(marksOf(text).marks, unmarked);
const withMeta = (rest: string): string => `{"resourceType":"Observation","id":"x","meta":{"tag":[]},${rest}}`;
const marked = (text: string): number => marksOf(text).marks;
const yearIn = (text: string): number => marked(text) & 0x7ff;

describe('the earliest year of a text', () => {
  it.each([
    ['"2022-01-01"', 2022],
    ['"2026"', 2026],
    ['"2021-12","issued":"1974-12-25T00:00:00Z","and":"2020-01-01"', 1974],
    ['"0099-01-01"', 99],
    ['"2046-01-01"', 2046],
    ['"9999-12-31"', 2046],
  ])('is that of a date: %s', (value, year) => {
    expect(yearIn(withMeta(`"effectiveDateTime":${value}`))).toBe(year);
  });

  it.each(['"text of 1999"', '"1751-7"', '"20210"', '"202"', '1999', '"19é9-01"'])('is none of %s', (value) => {
    expect(yearIn(withMeta(`"v":${value}`))).toBe(0x7ff);
  });
});

describe('the end of a service', () => {
  const decided = (rest: string, thisYear?: number): string => {
    const unmarked = disclosure.unmarked('Observation', AS_PARTNER);
    if (unmarked === undefined) throw new Error('nothing is decided');
    const { marks } = marksOf(withMeta(rest), thisYear);
    return isUnmarked(marks, unmarked) ? 'goes out' : isOver(marks, unmarked) ? 'withheld' : 'read';
  };

  it.each([
    ['"effectiveDateTime":"2021-10-31"', 'withheld'],
    ['"effectiveDateTime":"2020"', 'withheld'],
    ['"effectiveDateTime":"1970-01"', 'withheld'],
    ['"effectiveDateTime":"2021-11-19"', 'withheld'],
    ['"effectiveDateTime":"2021-11-20"', 'goes out'],
    ['"effectiveDateTime":"2021-10"', 'withheld'],
    ['"effectiveDateTime":"2021-11"', 'goes out'],
    ['"effectiveDateTime":"2021-02-31","issued":"2019-01-01"', 'withheld'],
    ['"effectiveDateTime":"2021-11-45"', 'read'],
    ['"effectiveDateTime":"2021-12-01"', 'goes out'],
    ['"effectiveDateTime":"2021"', 'goes out'],
    ['"effectiveDateTime":"1969-12-31"', 'withheld'],
    ['"effectiveDateTime":"1969-11-30"', 'read'],
    ['"effectiveDateTime":"2020-99-01"', 'read'],
    ['"effectiveDateTime":"2022-00-01","issued":"2019"', 'read'],
    ['"effectiveDateTime":"2146-01-31","issued":"2019-01-01"', 'goes out'],
    ['"effectiveDateTime":"2146-02-01","issued":"2019-01-01"', 'read'],
    ['"effectivePeriod":{"start":"2019-01-01","end":"2022-01-01"}', 'goes out'],
    ['"status":"active","effectiveDateTime":"2019-01-01"', 'goes out'],
    ['"note":[{"time":"2019-01-01"}]', 'goes out'],
    ['"effectiveDateTime":"2020-01-01","code":"security"', 'read'],
  ])('by which %s is decided: %s', (rest, what) => {
    expect(decided(rest)).toBe(what);
  });

  it('is not looked for where all dates are of the last years', () => {
    expect(decided('"effectiveDateTime":"2020-01-01"', 2025)).toBe('withheld');
    expect(decided('"effectiveDateTime":"2020-01-01"', 2024)).toBe('read');
  });
});

describe('the marks of a text', () => {
  it.each([
    ['"note":[{"text":"a \\"security\\" of \\/ and \\u00e9 and \\u003cp\\u003e"}]', 0],
    ['"code":"security"', MARK.label],
    ['"x":"\\u0073ecurity"', MARK.label | MARK.meta],
    ['"x":"\\u00321-01"', MARK.label | MARK.meta],
    ['"x":"urn\\u003aiso"', MARK.label | MARK.meta],
    ['"x":{"versionId":"1"}', MARK.meta],
    ['"lastUpdated":null', MARK.meta],
    ['"meta":{"tag":[]}', MARK.meta],
    ['"contained":[{"meta":{"tag":[]}}]', 0],
    ['"total":[]', MARK.claim],
    ['"unit":"urn:iso:std:iso:4217"', MARK.claim],
    ['"totals":[],"networks":"amounts"', 0],
  ])('of %s', (rest, marks) => {
    expect(marked(withMeta(rest)) & (15 << 11)).toBe(marks);
  });

  it.each([
    '{"resourceType":"Goal","id":"x"}',
    '{"resourceType":"Goal","meta":{}}',
    '{"meta" : {"tag":[]}}',
    '{"contained":[{"meta":{"tag":[]}}]}',
    '{"code":"meta"}',
    '{"meta":{"tag":[]},"meta":null}',
  ])('say that the store has to look for the place of its own meta in %s', (text) => {
    expect(marked(text) & MARK.meta).toBe(MARK.meta);
  });

  it.each([
    '{"meta":{"tag":[]},"resourceType":"Goal","id":"x"}',
    '{"resourceType":"Goal","contained":[{"meta":{"tag":[]}}],"meta":{"tag":[]}}',
    '{"resourceType":"Goal","note":[{"text":"\\"meta\\":{\\""}],\n"meta":{"tag":[]}}',
  ])('do not say so where the meta stands elsewhere in the root: %s', (text) => {
    expect(marked(text) & MARK.meta).toBe(0);
  });
});

describe('the shared references of a text', () => {
  it.each([
    ['"a":{"reference":"Practitioner/1"},"b":{"reference" : "Location/2"},"c":{"reference":"Practitioner/1"}', [1, 2]],
    ['"a":{"reference":"Device/d/_history/3"},"b":{"reference":"Device/d"}', ['d']],
    ['"a":{"reference":"Practitioner\\/1"},"b":{"reference":"Pr\\u0061ctitioner/2"}', [1, 2]],
  ])('are told once each: %s', (rest, ids) => {
    const { marks, sharedReferences: found = '' } = marksOf(withMeta(rest));
    expect(found.split(' ').map((reference) => reference.split('/')[1])).toEqual(ids.map(String));
    expect(marks & MARK.reference).toBe(0);
  });

  it.each([
    '"a":{"reference":"Patient/1"}',
    '"a":{"reference":"Encounter\\/1"}',
    '"a":{"reference":"http://elsewhere/Practitioner/1"}',
    '"a":{"reference":"#practitioner"}',
    '"a":{"reference":"Practitioner/"}',
    '"a":{"reference":"PractitionerRoles/1"}',
    `"a":{"reference":"Practitioner/${'1'.repeat(65)}"}`,
    '"code":"reference","b":"Practitioner/1"',
  ])('are none in %s', (rest) => {
    const { marks, sharedReferences: found } = marksOf(withMeta(rest));
    expect(found).toBeUndefined();
    expect(marks & MARK.reference).toBe(0);
  });

  const referring = (reference: string): ReturnType<typeof marksOf> =>
    marksOf(withMeta(`"a":{"reference":"${reference}"},"b":{"reference":"Location/l"}`));

  it.each([
    ['Practitioner?identifier=urn:npi|1', 'Practitioner?urn:npi|1'],
    ['Practitioner?identifier=urn:npi%7C1', 'Practitioner?urn:npi|1'],
    ['Practitioner\\u003fidentifier=urn:npi|1', 'Practitioner?urn:npi|1'],
    ['Organization?identifier=http:\\/\\/a/b|c~{}[]', 'Organization?http://a/b|c~{}[]'],
    ['Device?identifier=s|a b', 'Device?s|a%20b'],
    ['Device?identifier=s|100%', 'Device?s|100%25'],
    ['Device?identifier=s|a%2520b', 'Device?s|a%2520b'],
    ['Device?identifier=s|é', 'Device?s|%C3%A9'],
    ['Device?identifier=s\\\\|t|v\\\\\\\\w\\\\,x', 'Device?s%7Ct|v%5Cw%2Cx'],
  ])('are told with what identifies them: %s', (reference, told) => {
    const { marks, sharedReferences: found } = referring(reference);
    expect(found).toBe(`${told} Location/l`);
    expect(marks & MARK.reference).toBe(0);
  });

  it.each([
    'Practitioner?identifier=1',
    'Practitioner?identifier=|1',
    'Practitioner?identifier=s|',
    'Practitioner?identifier=s|1|2',
    'Practitioner?identifier=s|1,s|2',
    'Practitioner?identifier=s|1&active=true',
    'Practitioner?family=Doe',
    'Practitioner?identifier=s|\ud800',
    'Practitioner?identifier=s|\\ud800',
    `Practitioner?identifier=s|${'1'.repeat(400)}`,
  ])('are marked where one cannot be told: %s', (reference) => {
    const { marks, sharedReferences: found } = referring(reference);
    expect(marks & MARK.reference).toBe(MARK.reference);
    expect(found).toBe('Location/l');
  });

  it('hold no mark where what a condition searches does not go along', () => {
    const { marks, sharedReferences: found } = referring('Patient?identifier=s|1');
    expect(marks & MARK.reference).toBe(0);
    expect(found).toBe('Location/l');
  });
});

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

describe('whom a mark keeps from reading a record unread', () => {
  it('is a partner by years, labels and claims, an operator by the meta alone', () => {
    const label = MARK.meta | MARK.label;
    const years = { fromYear: 2022, fromDay: (51 * 12 + 11) * 31 + 20 };
    expect(disclosure.unmarked('Observation', AS_PARTNER)).toEqual({ mask: label, ...years });
    expect(disclosure.unmarked('Claim', AS_PARTNER)).toEqual({ mask: label | MARK.claim, ...years });
    expect(disclosure.unmarked('Claim', AS_OPERATOR)).toEqual({ mask: MARK.meta, fromYear: 0, fromDay: 0 });
  });

  it('is everybody where the operator has a module of its own', () => {
    const own = createDisclosure({ rules: RULES, seeResource: () => Promise.resolve('proceed') });
    expect(own.unmarked('Observation', AS_OPERATOR)).toBeUndefined();
  });
});
