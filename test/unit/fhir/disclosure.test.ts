import { describe, expect, it, jest } from '@jest/globals';
import { createDisclosure } from '../../../fhir/disclosure.ts';
import type { SeeResource } from '../../../fhir/disclosure.ts';
import { disclosed, exampleText, outcomeOf, RULES } from './disclosure-examples.ts';

const observation = (more: object = {}): object => ({ resourceType: 'Observation', id: 'o', status: 'final', ...more });
const RESTRICTED = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] };

describe('what a partner is shown', () => {
  it('is the text as it is stored, where no rule touches it', async () => {
    const text = '{ "resourceType":"Observation", "valueQuantity":{"value":1.50}, "x":[ ] }';
    expect(await disclosed(text)).toEqual({ kind: 'shown', text, masked: [] });
  });

  it('is nothing that is labelled as sensitive, unless the consent lets it through', async () => {
    const labelled = observation({ meta: RESTRICTED });
    expect(outcomeOf(await disclosed(labelled))).toBe('sensitive');
    expect(outcomeOf(await disclosed(labelled, {}, { policy: 'sensitive' }))).toBe('shown');
  });

  it('is nothing whose service ended before the look-back', async () => {
    expect(outcomeOf(await disclosed(observation({ effectiveDateTime: '2021-11-19' })))).toBe('look-back');
    expect(outcomeOf(await disclosed(observation({ effectiveDateTime: '2021-11-21' })))).toBe('shown');
  });

  it('leaves out every rule that the operator has switched off', async () => {
    const rules = {
      withholdDeniedAuthorizations: false,
      withholdDrugAuthorizations: false,
      withholdFinancials: false,
      lookBackYears: 150,
    };
    const denied = exampleText('pdex/prior-authorization').replace('"A1"', '"A3"').replace('institutional', 'pharmacy');
    expect(await disclosed(denied, { rules })).toEqual({ kind: 'shown', text: denied, masked: [] });
  });

  it('does not apply to the operator', async () => {
    const text = JSON.stringify(observation({ meta: RESTRICTED, effectiveDateTime: '1990' }));
    const shown = await createDisclosure({ rules: RULES }).disclose(text, { clientId: 'us', partner: undefined });
    expect(shown).toEqual({ kind: 'shown', text, masked: [] });
  });
});

describe('the consent module', () => {
  const consent = { resourceType: 'Consent', status: 'active' };
  const consents = () => Promise.resolve([consent]);

  it('gets the consent of the match and the resource as it would go out', async () => {
    const seeResource = jest.fn<SeeResource>(() => Promise.resolve('proceed'));
    const claim = { resourceType: 'Claim', id: 'c', use: 'claim', total: { value: 1, currency: 'USD' } };
    await disclosed(claim, { seeResource }, { consents });
    expect(seeResource.mock.calls).toEqual([
      [
        { consent, clientId: 'partner', caller: 'partner' },
        { resourceType: 'Claim', id: 'c', use: 'claim' },
      ],
    ]);
  });

  it('lets a resource through byte for byte, whatever it did to its copy', async () => {
    const text = '{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50}}';
    const seeResource: SeeResource = (_request, resource) => {
      Object.assign(resource, { id: 'other' });
      return Promise.resolve('proceed');
    };
    expect(await disclosed(text, { seeResource }, { consents })).toEqual({ kind: 'shown', text, masked: [] });
  });

  it('withholds what it rejects', async () => {
    const seeResource: SeeResource = () => Promise.resolve('reject');
    expect(outcomeOf(await disclosed(observation(), { seeResource }, { consents }))).toBe('consent-module');
  });

  it('puts what it masks in the place of the resource', async () => {
    const seeResource: SeeResource = (_request, { resourceType, id }) =>
      Promise.resolve({ resourceType, id, status: 'unknown' });
    expect(await disclosed(observation(), { seeResource }, { consents })).toEqual({
      kind: 'shown',
      text: '{"resourceType":"Observation","id":"o","status":"unknown"}',
      masked: ['consent-module'],
    });
  });

  it.each<[string, SeeResource]>([
    ['throws', () => Promise.reject(new Error('a fault with a name in it'))],
    ['gives a resource of another id', () => Promise.resolve({ resourceType: 'Observation', id: 'another' })],
    ['gives a resource of another type', () => Promise.resolve({ resourceType: 'Patient', id: 'o' })],
  ])('withholds the resource, and says so, when it %s', async (_fault, seeResource) => {
    const onModuleError = jest.fn();
    const result = await disclosed(observation(), { seeResource, onModuleError }, { consents });
    expect(outcomeOf(result)).toBe('consent-module-failed');
    expect(onModuleError).toHaveBeenCalledTimes(1);
  });

  it('sees the exports and reads of the operator too, without a consent', async () => {
    const seeResource = jest.fn<SeeResource>(() => Promise.resolve('reject'));
    const disclosure = createDisclosure({ rules: RULES, seeResource });
    const result = await disclosure.disclose(JSON.stringify(observation()), { clientId: 'us', partner: undefined });
    expect(outcomeOf(result)).toBe('consent-module');
    expect(seeResource.mock.calls[0]?.[0]).toEqual({ consent: undefined, clientId: 'us', caller: 'operator' });
  });

  it('is not asked for what a rule withholds already', async () => {
    const seeResource = jest.fn<SeeResource>(() => Promise.resolve('proceed'));
    await disclosed(observation({ meta: RESTRICTED }), { seeResource });
    expect(seeResource).not.toHaveBeenCalled();
  });

  it('lets what belongs to no member go where the consent of one of the members lets it', async () => {
    const refusing = { resourceType: 'Consent', status: 'draft' };
    const seeResource: SeeResource = ({ consent: asked }) =>
      Promise.resolve(asked?.['status'] === 'active' ? 'proceed' : 'reject');
    const practitioner = { resourceType: 'Practitioner', id: 'p' };
    const both = { consents: () => Promise.resolve([refusing, consent]) };
    expect(outcomeOf(await disclosed(practitioner, { seeResource }, both))).toBe('shown');
    const one = { consents: () => Promise.resolve([refusing]) };
    expect(outcomeOf(await disclosed(practitioner, { seeResource }, one))).toBe('consent-module');
  });
});
