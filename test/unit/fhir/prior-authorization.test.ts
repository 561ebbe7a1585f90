import { describe, expect, it } from '@jest/globals';
import { deniedRequestOf } from '../../../fhir/prior-authorization.ts';
import { disclosed, exampleText, outcomeOf } from './disclosure-examples.ts';

const DATED = { created: '2026-01-01' };
const authorization = (more: object = {}): Record<string, unknown> => ({
  resourceType: 'ExplanationOfBenefit',
  id: 'pa',
  use: 'preauthorization',
  ...DATED,
  ...more,
});
const action = (code: string, guide = 'davinci-pdex'): object => ({
  url: `http://hl7.org/fhir/us/${guide}/StructureDefinition/extension-reviewAction`,
  extension: [
    { url: 'number', valueString: 'A1' },
    {
      url: `http://hl7.org/fhir/us/${guide}/StructureDefinition/extension-reviewActionCode`,
      valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
    },
  ],
});
const decided = (code: string): object => ({ adjudication: [{ category: {}, extension: [action(code)] }] });
const coded = (system: string, code: string): object => ({ productOrService: { coding: [{ system, code }] } });
const reason = { adjudication: [{ category: { coding: [{ code: 'denialreason' }] }, reason: { text: 'r' } }] };

describe('a prior authorization', () => {
  it('that is certified goes out: the example of PDex', async () => {
    const recent = exampleText('pdex/prior-authorization').replaceAll('2021-', '2026-');
    expect(outcomeOf(await disclosed(recent))).toBe('shown');
  });

  it.each<[string, object]>([
    ['at the whole of it', authorization(decided('A3'))],
    ['at its only item', authorization({ item: [decided('A3')] })],
    ['at all items', authorization({ item: [decided('A3'), decided('A3')] })],
    [
      "in the form of PAS, at a ClaimResponse's item",
      { ...authorization({ item: [{ extension: [action('A3', 'davinci-pas')] }] }), resourceType: 'ClaimResponse' },
    ],
    ['by a reason of denial', authorization(reason)],
    ['by a reason of denial at its item', authorization({ item: [reason] })],
    ['by its disposition', authorization({ disposition: 'Denied: not medically necessary' })],
  ])('that is denied %s stays', async (_how, resource) => {
    expect(outcomeOf(await disclosed(resource))).toBe('denied-authorization');
  });

  it.each<[string, object]>([
    ['certified in part', authorization(decided('A2'))],
    ['pended', authorization(decided('A4'))],
    [
      'certified in part with a reason for the rest',
      authorization({ adjudication: [{ category: {}, extension: [action('A2')] }, ...reason.adjudication] }),
    ],
    ['not decided yet', authorization()],
    ['a claim that was denied, not an authorization', { ...authorization(decided('A3')), use: 'claim' }],
  ])('that is %s goes out', async (_how, resource) => {
    expect(outcomeOf(await disclosed(resource))).toBe('shown');
  });

  it.each<[string, object]>([
    ['its type', authorization({ type: { coding: [{ code: 'pharmacy' }] } })],
    ['an NDC', authorization({ item: [coded('http://hl7.org/fhir/sid/ndc', '0777-3105-02')] })],
    ['RxNorm', authorization({ item: [coded('http://www.nlm.nih.gov/research/umls/rxnorm', '313782')] })],
    ['a HCPCS code of drugs', authorization({ item: [coded('http://www.cms.gov/HCPCSReleaseCodeSets', 'J1745')] })],
    [
      'the items of the request',
      { ...authorization({ item: [coded('http://hl7.org/fhir/sid/ndc', '1')] }), resourceType: 'Claim' },
    ],
  ])('for drugs, by %s, stays', async (_how, resource) => {
    expect(outcomeOf(await disclosed(resource))).toBe('drug-authorization');
  });

  it('loses the items that may not leave, and no others', async () => {
    const items = [
      { sequence: 1, ...decided('A1') },
      { sequence: 2, ...decided('A3') },
      { sequence: 3, ...coded('http://hl7.org/fhir/sid/ndc', '1') },
    ];
    const result = await disclosed(authorization({ text: { div: 'three items' }, item: items }));
    if (result.kind === 'withheld') throw new Error(result.reason);
    expect(JSON.parse(result.text)).toEqual(authorization({ item: items.slice(0, 1) }));
    expect([...result.masked].sort()).toEqual(['denied-authorization', 'drug-authorization']);
  });

  it('stays as a request, once the decision on it was a denial', async () => {
    const request = { ...authorization(), resourceType: 'Claim', id: 'asked' };
    const deniedRequests = () => Promise.resolve(new Set(['Claim/asked']));
    expect(outcomeOf(await disclosed(request, {}, { deniedRequests }))).toBe('denied-authorization');
    expect(outcomeOf(await disclosed(request))).toBe('shown');
  });

  it('names the request that it denies', () => {
    const response = {
      ...authorization(decided('A3')),
      resourceType: 'ClaimResponse',
      request: { reference: 'Claim/1/_history/2' },
    };
    expect(deniedRequestOf(response)).toBe('Claim/1');
    expect(deniedRequestOf(authorization({ ...decided('A3'), claim: { reference: 'Claim/2' } }))).toBe('Claim/2');
    expect(deniedRequestOf(authorization({ ...decided('A1'), claim: { reference: 'Claim/2' } }))).toBeUndefined();
  });
});
