import { beforeAll, describe, expect, it } from '@jest/globals';
import { ExchangeError } from '../../../fhir/errors.ts';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import { createResource, importRow, batchOf, openExchange } from '../../support/records.ts';
import type { SearchQuery } from '../../../store/search-query.ts';

const RECORDS = 1100;

describe.each(adapters)('searching over $name', ({ create }) => {
  const at = useStore(create);
  const found = async (query: SearchQuery): Promise<readonly string[]> => {
    const ids: string[] = [];
    for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
      const page = await at.store.search({ ...query, after });
      ids.push(...page.resources.map(({ id }) => id));
      after = page.next;
    }
    return ids;
  };
  const isThird = ({ note }: Readonly<Record<string, unknown>>): boolean => Number(note) % 3 === 0;

  beforeAll(async () => {
    await at.store.write(
      Array.from({ length: RECORDS }, (_, index) => ({
        ...({ kind: 'create', type: 'Goal', id: `g-${String(index).padStart(4, '0')}` } as const),
        text: `{"resourceType":"Goal","subject":{"reference":"Patient/p"},"note":${index}}`,
      })),
    );
  });

  it('finds what only the texts tell, page after page', async () => {
    const ids = await found({ type: 'Goal', patientIds: ['p'], where: isThird, count: 100 });
    expect(ids).toHaveLength(Math.ceil(RECORDS / 3));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('counts as many as it finds', async () => {
    const scope = { type: 'Goal', patientIds: ['p'] };
    expect(await at.store.count(scope)).toBe(RECORDS);
    expect(await at.store.count({ ...scope, where: isThird })).toBe(Math.ceil(RECORDS / 3));
    expect(await at.store.count({ ...scope, ids: ['g-0001', 'none'] })).toBe(1);
  });

  it('reads as of an instant that is given, and says which it was', async () => {
    const { asOf } = await at.store.search({ type: 'Goal', patientIds: ['p'], count: 1 });
    await createResource(at.store, '{"resourceType":"Goal","id":"later","subject":{"reference":"Patient/p"}}');
    const scope = { type: 'Goal', patientIds: ['p'], ids: ['later'] };
    expect(await found({ ...scope, asOf, count: 5 })).toEqual([]);
    expect(await at.store.count({ ...scope, asOf })).toBe(0);
    expect(await found({ ...scope, count: 5 })).toEqual(['later']);
  });

  it('tells imported records from native ones', async () => {
    await openExchange(at.pool, 'x', 'local');
    await createResource(at.store, '{"resourceType":"Patient","id":"local"}');
    await createResource(at.store, '{"resourceType":"Condition","id":"own","subject":{"reference":"Patient/local"}}');
    await at.store.importBatch(
      batchOf('x', [
        importRow('Patient', 'theirs', 'theirs'),
        importRow('Condition', 'imported', 'theirs', '"subject":{"reference":"Patient/theirs"}', 2),
      ]),
    );
    await at.store.publish('x', { localPatientId: 'local', importedPatientId: 'theirs' });
    const scope = { type: 'Condition', patientIds: ['local', 'theirs'], count: 5 };
    expect(await found({ ...scope, origin: 'native' })).toEqual(['own']);
    expect(await found({ ...scope, origin: 'imported' })).toEqual(['imported']);
    expect(await found({ ...scope, origin: 'all' })).toEqual(['imported', 'own']);
  });

  it('looks up addresses, specialties and practitioners, and takes none of them for a name', async () => {
    const texts = [
      '{"resourceType":"Organization","id":"o","name":"Big","address":[{"city":"Springfield","line":["1 Elm"]}]}',
      '{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":"Practitioner/doc"},"specialty":[{"coding":[{"code":"207R"}]}]}',
    ];
    for (const text of texts) await createResource(at.store, text);
    const named = (type: string, part: 'address' | 'specialty' | 'practitioner' | undefined, word: string) =>
      found({ type, names: [{ ...(part && { part }), anyOf: [word] }], count: 5 });
    expect(await named('Organization', 'address', 'SPRING')).toEqual(['o']);
    expect(await named('Organization', undefined, 'spring')).toEqual([]);
    expect(await named('PractitionerRole', 'specialty', '207R')).toEqual(['r']);
    expect(await named('PractitionerRole', 'practitioner', 'doc')).toEqual(['r']);
  });

  it('reads a history in parts, newest first', async () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      await at.store.write([
        {
          kind: 'update',
          type: 'Organization',
          id: 'h',
          text: `{"resourceType":"Organization","id":"h","name":"${name}"}`,
        },
      ]);
    }
    const [, third, second] = await at.store.history('Organization', 'h');
    const older = await at.store.history('Organization', 'h', { before: third?.lastUpdated, count: 1 });
    expect(older.map(({ versionId }) => versionId)).toEqual([second?.versionId]);
    expect(await at.store.history('Organization', 'h', { since: second?.lastUpdated })).toHaveLength(3);
  });

  it('goes on in a compartment behind a record, whatever type follows', async () => {
    const behind = async (types: readonly string[] | undefined): Promise<readonly string[]> => {
      const query = {
        patientIds: ['local', 'theirs'],
        after: { type: 'Condition', id: 'imported' },
        ...(types && { types }),
      };
      const keys: string[] = [];
      for await (const { type, id } of at.store.memberCompartment(query)) keys.push(`${type}/${id}`);
      return keys;
    };
    expect(await behind(undefined)).toEqual(['Condition/own', 'Patient/local', 'Patient/theirs']);
    expect(await behind(['Account', 'Condition', 'Patient'])).toEqual(await behind(undefined));
  });

  it('refuses to look through the records of everybody for an identifier that no index has', async () => {
    const error: unknown = await at.store
      .search({ type: 'Claim', identifiers: [{ value: '1' }], count: 1 })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ExchangeError);
    expect(error).toMatchObject({ code: 'too-costly' });
  });
});
