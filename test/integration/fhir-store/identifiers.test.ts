import { beforeAll, describe, expect, it } from '@jest/globals';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import { batchOf, createResource, importRow, openExchange } from '../../support/records.ts';

const LONG = 'x'.repeat(5000);
const clinic = (id: string, ...values: readonly string[]): string =>
  JSON.stringify({
    ...{ resourceType: 'Organization', id },
    identifier: values.map((value) => ({ system: 'urn:s', value })),
  });

describe.each(adapters)('looking for many identifiers over $name', ({ create }) => {
  const at = useStore(create);
  const found = async (...values: readonly string[]): Promise<readonly (string | undefined)[]> => {
    const wanted = values.map((value) => ({ type: 'Organization', system: 'urn:s', value }));
    return (await at.store.findEachByIdentifier(wanted)).map((key) => key?.id);
  };

  beforeAll(async () => {
    const texts = [
      clinic('one', '1', '1'),
      clinic('a', 'both'),
      clinic('b', 'both'),
      clinic('changed', 'before'),
      clinic('changed', 'after'),
      clinic('left', 'moved'),
      clinic('left', 'no more'),
      clinic('taken', 'moved'),
      clinic('gone', 'deleted'),
      clinic('long', LONG, 'a|b \0é'),
      '{"resourceType":"Location","id":"place","identifier":[{"system":"urn:s","value":"1"}]}',
    ];
    for (const text of texts) await createResource(at.store, text);
    await at.store.write([{ kind: 'delete', type: 'Organization', id: 'gone' }]);
    await openExchange(at.pool, 'n', 'n-local');
    const identifier = '"identifier":[{"system":"urn:s","value":"unpublished"}]';
    await at.store.importBatch(batchOf('n', [importRow('Organization', 'new', undefined, identifier)]));
  });

  it('gives each its own, in the order in which they were asked for, also twice', async () => {
    expect(await found('after', 'none', '1', LONG, '1', 'a|b \0é')).toEqual([
      ...['changed', undefined, 'one', 'long', 'one', 'long'],
    ]);
  });

  it('gives none where several carry it', async () => {
    expect(await found('both', '1')).toEqual([undefined, 'one']);
  });

  it('gives none that carried it before, that is deleted or not published', async () => {
    expect(await found('before', 'deleted', 'unpublished', 'moved')).toEqual([
      ...[undefined, undefined, undefined],
      'taken',
    ]);
  });

  it('tells types and systems apart', async () => {
    const value = '1';
    const asked = [
      { type: 'Location', system: 'urn:s', value },
      { type: 'Practitioner', system: 'urn:s', value },
      { type: 'Organization', system: 'urn:other', value },
      { type: 'Organization', system: 'urn:s', value },
    ];
    expect(await at.store.findEachByIdentifier(asked)).toEqual([
      { type: 'Location', id: 'place' },
      ...[undefined, undefined],
      { type: 'Organization', id: 'one' },
    ]);
  });

  it('asks nothing of nothing', async () => {
    expect(await at.store.findEachByIdentifier([])).toEqual([]);
  });
});
