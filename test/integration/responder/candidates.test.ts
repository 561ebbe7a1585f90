import { beforeAll, describe, expect, it } from '@jest/globals';
import { candidatesOf } from '../../../api/responder/candidates.ts';
import type { MatchField } from '../../../fhir/matching.ts';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import { createResource } from '../../support/records.ts';
import { changed, read } from '../../unit/fhir/match-examples.ts';

describe.each(adapters)('candidates over $name', ({ create }) => {
  const at = useStore(create);
  const person = (id: string, birthDate: string, ...families: string[]): string =>
    JSON.stringify({ resourceType: 'Patient', id, name: families.map((family) => ({ family })), birthDate });

  beforeAll(async () => {
    for (const text of [
      person('same', '1974-12-25', 'Person'),
      person('married', '1974-12-25', 'Other', 'PERSON'),
      person('younger', '1974-12-26', 'Person'),
      person('stranger', '1974-12-25', 'Stranger'),
      person('nameless', '1974-12-25'),
      person('vague', '1974', 'Person'),
    ]) {
      await createResource(at.store, text);
    }
  });

  const found = async (require: readonly MatchField[] | undefined, birthDate = '1974-12-25'): Promise<unknown[]> => {
    const request = read(changed('MemberPatient', { birthDate }));
    return (await candidatesOf(request, at.store, require)).map(({ patient }) => patient['id']).sort();
  };

  it('share family name and birth date where both must agree', async () => {
    expect(await found(['family', 'given', 'birthDate'])).toEqual(['married', 'same']);
  });

  it('share the birth date where the family name need not agree', async () => {
    expect(await found(['given', 'birthDate'])).toEqual(['married', 'nameless', 'same', 'stranger']);
  });

  it('share the family name where the birth date need not agree', async () => {
    expect(await found(['family'])).toEqual(['married', 'same', 'vague', 'younger']);
  });

  it('are none for a birth date that tells no day', async () => {
    expect(await found(['family', 'birthDate'], '1974')).toEqual([]);
  });

  it('are not found by name where a number must agree', async () => {
    expect(await found(undefined)).toEqual([]);
  });

  it('are found by no search for a name that begins like their birth date', async () => {
    const page = await at.store.search({ type: 'Patient', names: [{ anyOf: ['1974'] }], count: 10 });
    expect(page.resources).toEqual([]);
  });
});
