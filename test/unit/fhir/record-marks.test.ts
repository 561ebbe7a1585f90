import { describe, expect, it } from '@jest/globals';
import { createDisclosure } from '../../../fhir/disclosure.ts';
import { isOver, isUnmarked, MARK, marksOf } from '../../../fhir/record-marks.ts';
import { AS_OPERATOR, AS_PARTNER, RULES } from './disclosure-examples.ts';

const disclosure = createDisclosure({ rules: RULES });

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
