import { describe, expect, it } from '@jest/globals';
import { withoutFinancials } from '../../../fhir/financial-elements.ts';
import { exampleText } from './disclosure-examples.ts';

type Fields = Record<string, unknown>;

const stripped = (text: string): Fields => JSON.parse(withoutFinancials(text, JSON.parse(text) as Fields)) as Fields;
const of = (resource: object): Fields => stripped(JSON.stringify(resource));

const MONEY = { value: 12.5, currency: 'USD' };
const category = (code: string): object => ({ coding: [{ code }] });

describe('a claim without its amounts', () => {
  it('has the adjudications of the example without financials that CARIN publishes', () => {
    const whole = stripped(exampleText('carin/eob-inpatient'));
    const official = JSON.parse(exampleText('carin/eob-inpatient-non-financial')) as Fields;
    for (const element of ['adjudication', 'item', 'total', 'payment', 'supportingInfo', 'insurance', 'diagnosis']) {
      expect([element, whole[element]]).toEqual([element, official[element]]);
    }
  });

  it('has no narrative, which repeats the amounts', () => {
    const example = exampleText('carin/eob-inpatient');
    expect(example).toContain('US$620.00');
    expect(withoutFinancials(example, JSON.parse(example) as Fields)).not.toMatch(/620|2650|"text":\s*\{/);
  });

  it('keeps every other byte', () => {
    const text =
      '{ "resourceType":"ExplanationOfBenefit", "x":1.50,\n "payment":{"amount":{"value":1.50,"currency":"USD"}}, "item":[ {"sequence":1.0,"net":{"value":2} , "quantity":{"value":3.10}} ] }';
    expect(withoutFinancials(text, JSON.parse(text) as Fields)).toBe(
      '{ "resourceType":"ExplanationOfBenefit", "x":1.50,\n "item":[ {"sequence":1.0,"quantity":{"value":3.10}} ] }',
    );
  });

  it('comes back as it is where it has none, with its narrative', () => {
    const text = exampleText('carin/eob-inpatient-non-financial');
    expect(withoutFinancials(text, JSON.parse(text) as Fields)).toBe(text);
  });

  it.each([
    '{"valueQuantity":{"value":5,"system":"urn:iso:std:iso:4217"}}',
    '{"extension":[{"valueMoney":{"value":5}}]}',
    '{"net":5}',
  ])('has no narrative that holds an amount, though nothing else does: %s', (held) => {
    const text = `{"resourceType":"Claim","id":"c","text":{"status":"generated","div":{"a":[${held}]}}}`;
    expect(withoutFinancials(text, JSON.parse(text) as Fields)).toBe('{"resourceType":"Claim","id":"c"}');
  });

  it('comes back as it is where its amounts are masked already', () => {
    const masked =
      '{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}';
    const total = `[{"extension":[{"url":"urn:used"}],"category":{"text":"c"},"amount":${masked}}]`;
    const text = `{"resourceType":"ClaimResponse","text":{"status":"generated"},"total":${total}}`;
    expect(withoutFinancials(text, JSON.parse(text) as Fields)).toBe(text);
  });

  it('keeps the decision on a prior authorization, and how much of it was used', () => {
    const { item, total } = stripped(exampleText('pdex/prior-authorization')) as {
      item: { adjudication: Fields[] }[];
      total: Fields[];
    };
    const [adjudication] = item[0]?.adjudication ?? [];
    expect(JSON.stringify(adjudication)).toContain('"A1"');
    const masked = { extension: [{ valueCode: 'masked' }] };
    expect(adjudication).toMatchObject({ amount: masked });
    expect(total[0]).toMatchObject({ extension: [{ valueQuantity: { value: 1 } }], amount: masked });
    expect(JSON.stringify([item, total])).not.toMatch(/300\.99|USD|"value":100/);
  });

  it.each<[string, object, object]>([
    ['total of a Claim', { total: MONEY }, {}],
    ['unit price', { item: [{ sequence: 1, unitPrice: MONEY }] }, { item: [{ sequence: 1 }] }],
    [
      'amount in a detail',
      { item: [{ sequence: 1, detail: [{ sequence: 1, net: MONEY }] }] },
      { item: [{ sequence: 1, detail: [{ sequence: 1 }] }] },
    ],
    [
      'extension of money',
      { extension: [{ url: 'a', valueMoney: MONEY }, { url: 'b' }] },
      { extension: [{ url: 'b' }] },
    ],
    [
      "member's share as a percentage",
      { item: [{ sequence: 1, adjudication: [{ category: category('coinsurance'), value: 20 }] }] },
      { item: [{ sequence: 1 }] },
    ],
    [
      'cost to the beneficiary in a contained Coverage',
      { contained: [{ resourceType: 'Coverage', id: 'c', costToBeneficiary: [{ valueMoney: MONEY }] }] },
      { contained: [{ resourceType: 'Coverage', id: 'c' }] },
    ],
    [
      'amount beside a number of units',
      { item: [{ sequence: 1, adjudication: [{ category: category('allowedunits'), value: 3, amount: MONEY }] }] },
      { item: [{ sequence: 1, adjudication: [{ category: category('allowedunits'), value: 3 }] }] },
    ],
    [
      'quantity of a currency',
      { supportingInfo: [{ sequence: 1, valueQuantity: { value: 5, system: 'urn:iso:std:iso:4217', code: 'USD' } }] },
      { supportingInfo: [{ sequence: 1 }] },
    ],
  ])('has no %s', (_what, before, after) => {
    expect(of({ resourceType: 'Claim', ...before })).toEqual({ resourceType: 'Claim', ...after });
  });

  it('leaves a ClaimResponse with the adjudication that it must have', () => {
    const adjudication = [{ category: category('deductible'), amount: MONEY, value: 100 }];
    const response = { resourceType: 'ClaimResponse', item: [{ itemSequence: 1, adjudication }] };
    expect(of(response)['item']).toEqual([{ itemSequence: 1, adjudication: [{ category: category('deductible') }] }]);
  });

  it.each([
    ['C4BB-ExplanationOfBenefit-Oral', 'C4BB-ExplanationOfBenefit-Oral-Basis'],
    ['C4BB-ExplanationOfBenefit-Pharmacy|2.1.0', 'C4BB-ExplanationOfBenefit-Pharmacy-Basis|2.1.0'],
    // That version has no such profile.
    ['C4BB-ExplanationOfBenefit-Pharmacy|2.0.0', 'C4BB-ExplanationOfBenefit-Pharmacy-Basis'],
    ['C4BB-ExplanationOfBenefit-Oral-Basis|2.1.0', 'C4BB-ExplanationOfBenefit-Oral-Basis|2.1.0'],
    ['C4BB-Coverage', 'C4BB-Coverage'],
  ])('claims no profile that asks for them: %s', (before, after) => {
    const url = (name: string): string => `http://hl7.org/fhir/us/carin-bb/StructureDefinition/${name}`;
    const meta = { profile: ['urn:other', url(before)] };
    const resource = { resourceType: 'ExplanationOfBenefit', meta };
    expect(of(resource)).toEqual(resource);
    expect(of({ ...resource, payment: { amount: MONEY } })).toEqual({
      ...resource,
      meta: { profile: ['urn:other', url(after)] },
    });
  });

  it('is nothing for other types', () => {
    const text = JSON.stringify({ resourceType: 'Invoice', totalNet: MONEY, payment: 1 });
    expect(withoutFinancials(text, JSON.parse(text) as Fields)).toBe(text);
  });
});
