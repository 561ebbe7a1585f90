import { describe, expect, it } from '@jest/globals';
import { findPayer } from '../../../peer/registry.ts';
import { payerAt } from './tiny-server.ts';

describe('findPayer', () => {
  const one = payerAt('https://one.example', { organizationId: '12345' });
  const two = payerAt('https://two.example/', { organizationId: '67890', fhirEndpoint: 'https://two.example/fhir/' });
  const three = payerAt('https://three.example', { organizationId: '67890' });
  const payers = [one, two, three];

  it.each([
    [{ issuer: 'https://one.example/' }, one],
    [{ issuer: 'https://two.example' }, two],
    [{ organizationId: '12345' }, one],
    [{ fhirEndpoint: 'https://TWO.example/fhir' }, two],
  ])('finds by %j', (key, payer) => {
    expect(findPayer(payers, key)).toEqual({ found: 'one', payer });
  });

  it('says none and several', () => {
    expect(findPayer(payers, { issuer: 'https://one.example/other' })).toEqual({ found: 'none' });
    expect(findPayer(payers, { fhirEndpoint: 'no url' })).toEqual({ found: 'none' });
    expect(findPayer(payers, { organizationId: '67890' })).toEqual({ found: 'several' });
  });
});
