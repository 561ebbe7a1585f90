import { describe, expect, it } from '@jest/globals';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import { collect, createResource, ids } from '../../support/records.ts';

describe.each(adapters)('native writes over $name', ({ create }) => {
  const at = useStore(create);
  const compartment = (patientId: string) => collect(at.store.memberCompartment({ patientIds: [patientId] }));

  it('gives back the text as it came, with version and instant in meta', async () => {
    const text =
      '{"resourceType":"Observation","id":"n1","valueQuantity":{"value":1.50,"unit":"µg/Löffel \\u00e9"},"x":1e-7}';
    const [result] = await at.store.write([{ kind: 'create', type: 'Observation', id: 'n1', text }]);
    const stored = await at.store.read('Observation', 'n1');
    expect(result?.outcome).toBe('created');
    expect(stored?.text).toBe(
      text.replace(
        '"id":"n1",',
        `"id":"n1","meta":{"versionId":"${stored?.versionId}","lastUpdated":"${stored?.lastUpdated}"},`,
      ),
    );
  });

  it('makes no version of an unchanged text, whatever its server meta says', async () => {
    const first = await createResource(at.store, '{"resourceType":"Organization","id":"n2","name":"A"}');
    const [again] = await at.store.write([{ kind: 'update', type: 'Organization', id: 'n2', text: first.text }]);
    expect(again).toMatchObject({ outcome: 'unchanged', resource: { versionId: first.versionId } });
    expect(await at.store.history('Organization', 'n2')).toHaveLength(1);
  });

  it('refuses an update whose If-Match is not the present version', async () => {
    const first = await createResource(at.store, '{"resourceType":"Organization","id":"n3","name":"A"}');
    await createResource(at.store, '{"resourceType":"Organization","id":"n3","name":"B"}');
    const late = {
      kind: 'update',
      type: 'Organization',
      id: 'n3',
      text: '{"resourceType":"Organization","id":"n3"}',
    } as const;
    await expect(at.store.write([{ ...late, ifMatch: first.versionId }])).rejects.toMatchObject({
      code: 'version-conflict',
    });
  });

  it('lets only one of two concurrent updates with the same If-Match through', async () => {
    const first = await createResource(at.store, '{"resourceType":"Organization","id":"n4"}');
    const update = (name: string) =>
      at.store.write([
        {
          ...{ kind: 'update', type: 'Organization', id: 'n4', ifMatch: first.versionId },
          text: `{"resourceType":"Organization","id":"n4","name":"${name}"}`,
        },
      ]);
    const results = await Promise.allSettled([...'abcdef'].map(update));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await at.store.history('Organization', 'n4')).toHaveLength(2);
  });

  it('writes all of several resources or none', async () => {
    const good = { kind: 'create', type: 'Organization', id: 'n5', text: '{"resourceType":"Organization"}' } as const;
    const bad = { kind: 'delete', type: 'Organization', id: 'never-there' } as const;
    await expect(at.store.write([good, bad])).rejects.toMatchObject({ code: 'not-found' });
    expect(await at.store.read('Organization', 'n5')).toBeUndefined();
  });

  it('leaves a tombstone in the history and shows the resource no more', async () => {
    await createResource(at.store, '{"resourceType":"Condition","id":"n6","subject":{"reference":"Patient/nd"}}');
    const before = await at.store.freeze();
    await at.store.write([{ kind: 'delete', type: 'Condition', id: 'n6' }]);
    expect(await at.store.read('Condition', 'n6')).toMatchObject({ deleted: true, text: '' });
    expect((await at.store.history('Condition', 'n6')).map(({ deleted }) => deleted)).toEqual([true, false]);
    expect(await compartment('nd')).toEqual([]);
    const query = { patientIds: ['nd'], since: before, includeDeleted: true };
    expect(await collect(at.store.memberCompartment(query))).toMatchObject([{ id: 'n6', deleted: true }]);
  });

  it('puts a Provenance into the compartment of its targets, stored ones and those written with it', async () => {
    await createResource(at.store, '{"resourceType":"Condition","id":"n7","subject":{"reference":"Patient/np"}}');
    const provenance = (id: string, target: string) =>
      ({
        kind: 'create',
        type: 'Provenance',
        id,
        text: `{"resourceType":"Provenance","target":[{"reference":"${target}"}]}`,
      }) as const;
    const goal = {
      kind: 'create',
      type: 'Goal',
      id: 'n8',
      text: '{"resourceType":"Goal","subject":{"reference":"Patient/np"}}',
    } as const;
    await at.store.write([provenance('n9', 'Condition/n7'), provenance('n10', 'Goal/n8'), goal]);
    expect(ids(await compartment('np'))).toEqual(['Condition/n7', 'Goal/n8', 'Provenance/n10', 'Provenance/n9']);
  });

  it('finds any single version again, and none that is not one', async () => {
    const first = await createResource(at.store, '{"resourceType":"Organization","id":"n11","name":"A"}');
    await createResource(at.store, '{"resourceType":"Organization","id":"n11","name":"B"}');
    expect((await at.store.vread('Organization', 'n11', first.versionId))?.text).toBe(first.text);
    expect(await at.store.vread('Organization', 'n11', "1'; --")).toBeUndefined();
  });
});
