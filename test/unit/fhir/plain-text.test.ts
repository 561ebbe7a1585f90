import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { telltales } from '../../../fhir/plain-text.ts';
import { disclosed } from './disclosure-examples.ts';

const tells = (text: string, type = 'Observation'): boolean => {
  const pattern = telltales(type, 2022);
  pattern.lastIndex = 0;
  return pattern.test(text);
};

describe('a text that no rule of disclosure touches', () => {
  it.each(['"2022-01-01"', '"2026"', '"2100-05"', '"text of 1999"', '"20210"', '{"value":1999}', '{"total":1}'])(
    'is one with %s',
    (text) => {
      expect(tells(text)).toBe(false);
    },
  );

  it.each([
    '"2021-12-31"',
    '"2021"',
    '"2019-05"',
    '"1974-12-25T00:00:00Z"',
    '{"meta":{"security":[]}}',
    '"\\u0073ecurity"',
    '{"meta":{"lastUpdated":"2026-11-21T04:35:26.123Z"}}',
  ])('is not told of one with %s', (text) => {
    expect(tells(text)).toBe(true);
  });

  it.each(['{"use":"preauthorization"}', '{"total":[]}', '{"item":[{"net":{}}]}', '{"code":"copay"}', '{"amount":{}}'])(
    'is not told of a claim with %s',
    (text) => {
      expect(tells(text, 'ExplanationOfBenefit')).toBe(true);
    },
  );

  it('is one that is shown as it is, whatever else it holds', async () => {
    const word = fc.constantFrom(
      ...['use', 'preauthorization', 'claim', 'adjudication', 'amount', 'total', 'extension', 'valueMoney', 'currency'],
      ...['USD', 'meta', 'security', 'tag', 'code', 'R', 'copay', 'item', 'net', 'category', 'coding', 'system', 'url'],
      ...['billablePeriod', 'start', 'created', 'status', 'active', '2021-01-01', '2025-01-01', '2026', '1999'],
      ...['urn:iso:std:iso:4217', 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', 'effectiveDateTime'],
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, word, fc.integer(), fc.array(tie('value'), { maxLength: 3 }), tie('object')),
      object: fc.dictionary(word, tie('value'), { maxKeys: 5 }),
    }));
    const type = fc.constantFrom('Observation', 'ExplanationOfBenefit', 'Claim', 'ClaimResponse');
    await fc.assert(
      fc.asyncProperty(type, fc.dictionary(word, value, { maxKeys: 6 }), async (resourceType, fields) => {
        const text = JSON.stringify({ resourceType, id: 'x', ...fields });
        fc.pre(!tells(text, resourceType));
        expect(await disclosed(text)).toEqual({ kind: 'shown', text, masked: [] });
      }),
    );
  });
});
