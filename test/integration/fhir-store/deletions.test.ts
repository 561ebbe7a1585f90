import { describe, expect, it } from '@jest/globals';
import type { DeletionCounts, ImportRow } from '../../../store/fhir-store.ts';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import type { StoreUnderTest } from '../../support/fhir-stores.ts';
import {
  batchOf,
  collect,
  createResource,
  deletionOf,
  ids,
  importRow,
  openExchange,
  recordTables,
} from '../../support/records.ts';

describe.each(adapters)('the deletions of an import over $name', ({ create }) => {
  const at = useStore(create);
  const compartment = async (patientId: string): Promise<string[]> =>
    ids(await collect(at.store.memberCompartment({ patientIds: [patientId] })));
  const brought = (exchange: string, member: string, rows: readonly ImportRow[]) => bring(at, exchange, member, rows);
  const deletes = (exchange: string, member: string, keys: readonly string[]) => remove(at, exchange, member, keys);

  it('show with the publication and not before, and keep the former versions', async () => {
    await brought('a1', 'anna', [importRow('Patient', 'a-p', 'a-p'), importRow('Observation', 'a-o', 'a-p')]);
    expect(await deletes('a2', 'anna', ['Observation/a-o'])).toEqual({ deleted: 1, kept: 0, unknown: 0 });
    expect(await compartment('a-p')).toEqual(['Observation/a-o', 'Patient/a-p']);
    await at.store.publish('a2', undefined);
    expect(await compartment('a-p')).toEqual(['Patient/a-p']);
    const versions = await at.store.history('Observation', 'a-o');
    expect(versions.map(({ deleted, exchangeId }) => [deleted, exchangeId])).toEqual([
      [true, 'a2'],
      [false, 'a1'],
    ]);
    expect(await at.store.importCounts('a2')).toMatchObject([{ type: 'Observation', received: 0, deleted: 1 }]);
  });

  it('are listed by an export since before them, and by none since', async () => {
    await brought('b1', 'bert', [importRow('Observation', 'b-o', 'b-p'), importRow('Observation', 'b-q', 'b-p')]);
    const before = await at.store.freeze();
    await deletes('b2', 'bert', ['Observation/b-o']);
    await at.store.publish('b2', undefined);
    const query = { patientIds: ['b-p'], includeDeleted: true, origin: 'imported' } as const;
    const listed = await collect(at.store.memberCompartment({ ...query, since: before }));
    expect(listed).toMatchObject([{ type: 'Observation', id: 'b-o', deleted: true, text: '', exchangeId: 'b2' }]);
    const since = await at.store.freeze();
    expect(await collect(at.store.memberCompartment({ ...query, since }))).toEqual([]);
  });

  it('of what was never here, or is gone already, do nothing and are counted', async () => {
    await brought('c1', 'cleo', [importRow('Observation', 'c-o', 'c-p')]);
    await deletes('c2', 'cleo', ['Observation/c-o']);
    await at.store.publish('c2', undefined);
    const counts = await deletes('c3', 'cleo', ['Observation/c-o', 'Observation/c-never']);
    expect(counts).toEqual({ deleted: 0, kept: 0, unknown: 2 });
    await at.store.publish('c3', undefined);
    expect(await at.store.history('Observation', 'c-o')).toHaveLength(2);
    expect(await at.store.importCounts('c3')).toMatchObject([{ deleted: 0, deletionsUnknown: 2 }]);
  });

  it('take away no native record, none of our own making, and no Patient', async () => {
    await createResource(
      at.store,
      '{"resourceType":"Condition","id":"d-native","subject":{"reference":"Patient/d-p"}}',
    );
    await openExchange(at.pool, 'd1', 'dora', 2);
    await at.store.importBatch(
      batchOf('d1', [importRow('Patient', 'd-p', 'd-p'), importRow('Condition', 'd-changed', 'd-p')]),
    );
    await at.store.stageGenerated('d1', [
      { ...importRow('DocumentReference', 'd-file', 'd-p'), evidence: true },
      importRow('Provenance', 'd-prov', 'd-p'),
    ]);
    await at.store.publish('d1', undefined);
    await createResource(
      at.store,
      '{"resourceType":"Condition","id":"d-changed","subject":{"reference":"Patient/d-p"},"note":[{"text":"ours"}]}',
    );
    const keys = ['Condition/d-native', 'Condition/d-changed', 'DocumentReference/d-file', 'Provenance/d-prov'];
    const counts = await deletes('d2', 'dora', [...keys, 'Patient/d-p']);
    expect(counts).toEqual({ deleted: 0, kept: 5, unknown: 0 });
    await at.store.publish('d2', undefined);
    for (const key of [...keys, 'Patient/d-p']) {
      const [type = '', id = ''] = key.split('/');
      expect(await at.store.read(type, id)).toMatchObject({ deleted: false });
    }
  });

  it('take away a shared record that came for this member alone', async () => {
    await brought('s1', 'sara', [importRow('Practitioner', 's-one', undefined)]);
    await brought('s2', 'sara', [importRow('Practitioner', 's-one', undefined)]);
    await deletes('s3', 'sara', ['Practitioner/s-one']);
    await at.store.publish('s3', undefined);
    expect(await at.store.read('Practitioner', 's-one')).toMatchObject({ deleted: true });
  });

  it.each([
    ['in the same form', ''],
    ['in another form', '"active":true'],
  ])('keep a shared record that came for another member %s', async (name, more) => {
    const id = `s-two-${name.split(' ')[1] ?? ''}`;
    await brought(`${id}1`, 'sara', [importRow('Practitioner', id, undefined)]);
    await brought(`${id}2`, 'tom', [importRow('Practitioner', id, undefined, more)]);
    const counts = await deletes(`${id}3`, 'sara', [`Practitioner/${id}`]);
    expect(counts).toEqual({ deleted: 0, kept: 1, unknown: 0 });
    await at.store.publish(`${id}3`, undefined);
    expect(await at.store.read('Practitioner', id)).toMatchObject({ deleted: false });
  });

  it('keep a shared record that comes for another member between staging and publication', async () => {
    await brought('m1', 'mia', [importRow('Organization', 'm-org', undefined, '"name":"Clinic"')]);
    expect(await deletes('m2', 'mia', ['Organization/m-org'])).toEqual({ deleted: 1, kept: 0, unknown: 0 });
    await brought('m3', 'noah', [importRow('Organization', 'm-org', undefined, '"name":"Clinic"')]);
    await at.store.publish('m2', undefined);
    expect(await at.store.read('Organization', 'm-org')).toMatchObject({ deleted: false });
    expect(await at.store.importCounts('m2')).toMatchObject([{ deleted: 0, deletionsKept: 1 }]);
  });

  it('keep what an operator changes between staging and publication', async () => {
    await brought('n1', 'nora', [importRow('Goal', 'n-g', 'n-p')]);
    await deletes('n2', 'nora', ['Goal/n-g']);
    await createResource(at.store, '{"resourceType":"Goal","id":"n-g","subject":{"reference":"Patient/n-p"}}');
    await at.store.publish('n2', undefined);
    expect(await at.store.read('Goal', 'n-g')).toMatchObject({ deleted: false, origin: 'native' });
  });

  it('do not take away what another member is brought unchanged while they are published', async () => {
    const clinic = importRow('Organization', 'r-org', undefined, '"name":"Clinic","identifier":[{"value":"r-npi"}]');
    await brought('r1', 'rosa', [clinic]);
    await deletes('r2', 'rosa', ['Organization/r-org']);
    await openExchange(at.pool, 'r3', 'sam', 2);
    expect(await at.store.importBatch(batchOf('r3', [clinic]))).toEqual({ new: 0, updated: 0, unchanged: 1 });
    await at.store.publish('r2', undefined);
    expect(await at.store.read('Organization', 'r-org')).toMatchObject({ deleted: true });
    await at.store.publish('r3', undefined);
    const [shown, ...before] = await at.store.history('Organization', 'r-org');
    expect(shown).toMatchObject({ deleted: false, exchangeId: 'r3' });
    expect(before).toHaveLength(2);
    expect(ids(await at.store.findByIdentifier('Organization', { value: 'r-npi' }))).toEqual(['Organization/r-org']);
    const named = await at.store.search({
      type: 'Organization',
      names: [{ anyOf: ['clin'] }],
      ids: ['r-org'],
      count: 9,
    });
    expect(ids(named.resources)).toEqual(['Organization/r-org']);
    expect(await at.store.importCounts('r3')).toMatchObject([{ new: 1, unchanged: 0 }]);
  });

  it('do not take away what the same exchange delivers, changed or not', async () => {
    await brought('o1', 'olga', [importRow('Observation', 'o-a', 'o-p'), importRow('Observation', 'o-b', 'o-p')]);
    await openExchange(at.pool, 'o2', 'olga', 2);
    const rows = [importRow('Observation', 'o-a', 'o-p'), importRow('Observation', 'o-b', 'o-p', '"status":"final"')];
    await at.store.importBatch(batchOf('o2', rows));
    const counts = await at.store.deleteBatch(deletionOf('o2', ['Observation/o-a', 'Observation/o-b']));
    expect(counts).toEqual({ deleted: 0, kept: 2, unknown: 0 });
    await at.store.publish('o2', undefined);
    expect(await compartment('o-p')).toEqual(['Observation/o-a', 'Observation/o-b']);
  });

  it('are taken back by a later exchange that delivers the record again, as a new one', async () => {
    const record = importRow('Observation', 'l-o', 'l-p');
    await brought('l1', 'lea', [record]);
    await deletes('l2', 'lea', ['Observation/l-o']);
    await at.store.publish('l2', undefined);
    expect(await brought('l3', 'lea', [record])).toEqual({ new: 1, updated: 0, unchanged: 0 });
    expect(await at.store.read('Observation', 'l-o')).toMatchObject({ deleted: false, exchangeId: 'l3' });
    expect(await at.store.history('Observation', 'l-o')).toHaveLength(3);
  });

  it('are no targets of a Provenance', async () => {
    await brought('v1', 'vera', [importRow('Observation', 'v-a', 'v-p'), importRow('Observation', 'v-b', 'v-p')]);
    await deletes('v2', 'vera', ['Observation/v-a']);
    await at.store.importBatch(batchOf('v2', [importRow('Observation', 'v-b', 'v-p', '"status":"final"')]));
    expect(ids(await collect(at.store.stagedKeys('v2')))).toEqual(['Observation/v-b']);
  });

  it('count once: the same batch again is refused, and a name that comes again adds nothing', async () => {
    await brought('w1', 'wim', [importRow('Observation', 'w-o', 'w-p')]);
    await openExchange(at.pool, 'w2', 'wim', 2);
    const refused = [{ file: 1, line: 2, reason: 'not-a-deletion', type: 'Bundle' }];
    const batch = { ...deletionOf('w2', ['Observation/w-o', 'Observation/w-o']), refused };
    expect(await at.store.deleteBatch(batch)).toEqual({ deleted: 1, kept: 0, unknown: 0 });
    await expect(at.store.deleteBatch(batch)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await at.store.deleteBatch(deletionOf('w2', ['Observation/w-o'], 1))).toEqual({
      ...{ deleted: 0, kept: 0, unknown: 0 },
    });
    expect(await at.store.importCounts('w2')).toMatchObject([
      { type: 'Bundle', received: 1, refused: 1 },
      { type: 'Observation', received: 0, deleted: 1 },
    ]);
    expect(await at.store.refusedLines('w2', 9)).toEqual([{ file: 1, line: 2, reason: 'not-a-deletion' }]);
  });

  it('are as if they had never been after their removal, and come no more', async () => {
    await brought('x1', 'xena', [
      importRow('Patient', 'x-p', 'x-p', '"name":[{"family":"F"}]'),
      importRow('Observation', 'x-o', 'x-p'),
      importRow('Practitioner', 'x-d', undefined, '"name":[{"family":"D"}]'),
    ]);
    await openExchange(at.pool, 'x2', 'xena', 2);
    const before = await recordTables(at.pool);
    await at.store.importBatch(
      batchOf('x2', [importRow('Patient', 'x-p', 'x-p', '"name":[{"family":"G"}]'), importRow('Goal', 'x-g', 'x-p')]),
    );
    await at.store.deleteBatch(deletionOf('x2', ['Observation/x-o', 'Practitioner/x-d', 'Observation/x-never']));
    expect(await recordTables(at.pool)).not.toEqual(before);
    await at.store.removeImport('x2');
    expect(await recordTables(at.pool)).toEqual(before);
    await expect(at.store.deleteBatch(deletionOf('x2', ['Observation/x-o'], 1))).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(await recordTables(at.pool)).toEqual(before);
  });

  it('leave nothing of a batch that breaks off', async () => {
    await brought('y1', 'yara', [importRow('Observation', 'y-o', 'y-p')]);
    await openExchange(at.pool, 'y2', 'yara', 2);
    const before = await recordTables(at.pool);
    const batch = deletionOf('y2', ['Observation/y-o']);
    const broken = { ...batch, refused: [{ file: 1, line: Number.NaN, reason: 'not-a-deletion' }] };
    await expect(at.store.deleteBatch(broken)).rejects.toThrow();
    expect(await recordTables(at.pool)).toEqual(before);
    expect(await at.store.deleteBatch(batch)).toEqual({ deleted: 1, kept: 0, unknown: 0 });
  });
});

/** A published exchange for a member; answers what its one batch counted. */
async function bring(
  { pool, store }: StoreUnderTest,
  exchange: string,
  member: string,
  rows: readonly ImportRow[],
): Promise<unknown> {
  await openExchange(pool, exchange, member, 2);
  const counts = await store.importBatch(batchOf(exchange, rows));
  await store.publish(exchange, undefined);
  return counts;
}

/** An exchange for a member that only deletes, not yet published. */
async function remove(
  { pool, store }: StoreUnderTest,
  exchange: string,
  member: string,
  keys: readonly string[],
): Promise<DeletionCounts> {
  await openExchange(pool, exchange, member, 2);
  return store.deleteBatch(deletionOf(exchange, keys));
}
