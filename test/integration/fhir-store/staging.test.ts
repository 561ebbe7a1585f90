import { beforeAll, describe, expect, it } from '@jest/globals';
import { createBlobStore } from '../../../store/blobs.ts';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import {
  batchOf,
  collect,
  ids,
  importRow,
  openExchange,
  publishExchange,
  recordTables,
} from '../../support/records.ts';

describe.each(adapters)('what an import stages over $name', ({ create }) => {
  const at = useStore(create);
  const compartment = (patientId: string) => collect(at.store.memberCompartment({ patientIds: [patientId] }));

  beforeAll(async () => {
    await publishExchange(at, 'e1');
  });

  it('removes all that it staged, kept files included, and leaves the store as it was before', async () => {
    await openExchange(at.pool, 'e9', 'e9-local');
    await openExchange(at.pool, 'e90', 'e9-local');
    const blobs = createBlobStore(at.pool);
    await blobs.append('exchange/e90/0', 0, Buffer.from('another exchange'));
    const before = await recordTables(at.pool);
    const rows = [
      importRow(
        'Patient',
        'e9-p',
        'e9-p',
        '"name":[{"family":"F"}],"identifier":[{"value":"v"}],"link":[{"other":{"reference":"Patient/x"},"type":"seealso"}]',
      ),
      importRow('Organization', 'n11', undefined, '"name":"B"'),
    ];
    const open = { type: 'Organization', originalId: 'o', line: 1, localId: 'l' };
    await at.store.importBatch({ ...batchOf('e9', rows), openTargets: [open] });
    await at.store.stageGenerated('e9', [importRow('Provenance', 'e9-v', 'e9-p')]);
    await blobs.append('exchange/e9/0', 0, Buffer.from('received'));
    await blobs.append('exchange/e9/0/kept', 0, Buffer.from('kept'));
    expect(await recordTables(at.pool)).not.toEqual(before);
    await at.store.removeImport('e9');
    expect(await recordTables(at.pool)).toEqual(before);
    await at.store.removeImport('e9');
    expect(await recordTables(at.pool)).toEqual(before);
  });

  it('stages and publishes nothing any more after its removal', async () => {
    const late = batchOf('e9', [importRow('Observation', 'e9-late', 'e9-p')], 2);
    await expect(at.store.importBatch(late)).rejects.toMatchObject({ code: 'cancelled' });
    await expect(at.store.stageGenerated('e9', late.rows)).rejects.toMatchObject({ code: 'cancelled' });
    await expect(at.store.publish('e9', undefined)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('cannot be removed, nor added to, once it is published', async () => {
    await expect(at.store.removeImport('e1')).rejects.toMatchObject({ code: 'conflict' });
    await expect(at.store.importBatch(batchOf('e1', [importRow('Goal', 'e1-g', 'e1-p')], 2))).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(ids(await compartment('e1-p'))).toContain('Observation/e1-o');
  });

  it('replaces a generated record staged before, and stages none that is visible already', async () => {
    await openExchange(at.pool, 'e10', 'e10-local');
    await at.store.stageGenerated('e10', [importRow('Provenance', 'e10-v', 'e10-p', '"recorded":"1"')]);
    await at.store.stageGenerated('e10', [importRow('Provenance', 'e10-v', 'e10-p', '"recorded":"2"')]);
    await at.store.publish('e10', undefined);
    expect((await at.store.read('Provenance', 'e10-v'))?.text).toContain('"recorded":"2"');
    await openExchange(at.pool, 'e10b', 'e10-local');
    await at.store.stageGenerated('e10b', [importRow('Provenance', 'e10-v', 'e10-p', '"recorded":"2"')]);
    await at.store.publish('e10b', undefined);
    expect(await at.store.history('Provenance', 'e10-v')).toHaveLength(1);
    expect(await at.store.generatedIds('e10', 'Provenance')).toEqual(['e10-v']);
  });

  it.each([
    [0, []],
    [1, [1]],
    [3, [3]],
    [4, [3, 1]],
    [200, [...Array.from({ length: 66 }, () => 3), 2]],
  ])('stages a record about each page of what it brought: of %i records', async (count, sizes) => {
    const [exchange, patient] = [`a${count}`, `a${count}-p`];
    await openExchange(at.pool, exchange, exchange);
    const rows = Array.from({ length: count }, (_, index) => importRow('Goal', `a${count}-${index}`, patient));
    if (count > 0) await at.store.importBatch(batchOf(exchange, rows));
    await at.store.stageGenerated(exchange, [importRow('Provenance', `a${count}-page-0`, patient, '"recorded":"1"')]);
    const pages: (readonly string[])[] = [];
    const about = (keys: readonly string[], page: number) => {
      pages[page] = keys;
      return importRow('Provenance', `a${count}-page-${page}`, patient, '"recorded":"2"');
    };
    await at.store.stageAbout(exchange, 3, about);
    expect(pages.map((keys) => keys.length)).toEqual(sizes);
    expect(pages.flat()).toEqual(rows.map(({ id }) => `Goal/${id}`).sort());
    await at.store.stageAbout(exchange, 3, about);
    await at.store.publish(exchange, undefined);
    const versions = await Promise.all(sizes.map((_, page) => at.store.read('Provenance', `a${count}-page-${page}`)));
    expect(versions.map((version) => version?.text.includes('"recorded":"2"'))).toEqual(sizes.map(() => true));
  });

  it('stages no record about what it brought where one of them cannot be made', async () => {
    await openExchange(at.pool, 'a-x', 'a-x');
    const rows = Array.from({ length: 500 }, (_, index) => importRow('Goal', `a-x-${index}`, 'a-x-p'));
    await at.store.importBatch(batchOf('a-x', rows));
    const staged = at.store.stageAbout('a-x', 1, (_keys, page) => {
      if (page === 400) throw new RangeError('page 400');
      return importRow('Provenance', `a-x-${page}`, 'a-x-p');
    });
    await expect(staged).rejects.toThrow('page 400');
    expect(await at.store.generatedIds('a-x', 'Provenance')).toEqual([]);
    await at.store.removeImport('a-x');
  });

  it('tells of what became a change as it was looked at again, and not of what turned out as it was', async () => {
    const goal = (id: string, text: string) => importRow('Goal', `t-${id}`, 't-p', `"description":{"text":"${text}"}`);
    const told = async () => {
      const keys: string[] = [];
      await at.store.stageAbout('t2', 2, (some, page) => {
        keys.push(...some);
        return importRow('Provenance', `t2-${page}`, 't-p');
      });
      expect(ids(await collect(at.store.stagedKeys('t2')))).toEqual(keys);
      return keys;
    };
    await openExchange(at.pool, 't1', 'tom');
    await openExchange(at.pool, 't2', 'tom');
    const before = ['a', 'b', 'c'].map((id) => goal(id, 'one'));
    await at.store.importBatch(batchOf('t1', before));
    await at.store.publish('t1', undefined);
    await at.store.importBatch(batchOf('t2', [goal('a', 'two'), goal('b', 'one'), goal('c', 'two'), goal('d', 'two')]));
    expect(await told()).toEqual(['Goal/t-a', 'Goal/t-c', 'Goal/t-d']);
    await at.store.restage('t2', [goal('a', 'one'), goal('b', 'two'), goal('d', 'three')], []);
    expect(await told()).toEqual(['Goal/t-b', 'Goal/t-c', 'Goal/t-d']);
    await at.store.restage('t2', [goal('a', 'three'), goal('c', 'one')], []);
    expect(await told()).toEqual(['Goal/t-a', 'Goal/t-b', 'Goal/t-d']);
    await at.store.publish('t2', undefined);
    expect((await at.pool.query(`SELECT FROM staged_ids WHERE type = 'Goal' AND ids LIKE '%t-%'`)).rowCount).toBe(0);
  });

  it('names a shared record to be targeted when this member is brought it for the first time, and not again', async () => {
    const doctor = importRow('Practitioner', 'shared-1', undefined);
    const keysFor = async (exchange: string, member: string) => {
      await openExchange(at.pool, exchange, member);
      await at.store.importBatch(batchOf(exchange, [doctor]));
      const keys = ids(await collect(at.store.stagedKeys(exchange)));
      const told: string[] = [];
      await at.store.stageAbout(exchange, 10, (some, page) => {
        told.push(...some);
        return importRow('Provenance', `${exchange}-${page}`, undefined);
      });
      expect(told).toEqual(keys);
      await at.store.publish(exchange, undefined);
      return keys;
    };
    expect(await keysFor('s1', 'anna')).toEqual(['Practitioner/shared-1']);
    expect(await keysFor('s2', 'bert')).toEqual(['Practitioner/shared-1']);
    expect(await keysFor('s3', 'anna')).toEqual([]);
    expect(await keysFor('s4', 'bert')).toEqual([]);
    expect(await at.store.history('Practitioner', 'shared-1')).toHaveLength(1);
  });

  it('makes one version of a shared record that two exchanges staged at the same time', async () => {
    const place = importRow('Organization', 'shared-2', undefined, '"name":"Clinic","identifier":[{"value":"npi"}]');
    for (const id of ['s5', 's6']) {
      await openExchange(at.pool, id, id);
      await at.store.importBatch(batchOf(id, [place]));
    }
    await Promise.all([at.store.publish('s5', undefined), at.store.publish('s6', undefined)]);
    expect(await at.store.history('Organization', 'shared-2')).toHaveLength(1);
  });

  it('knows what an exchange has brought, and what is visible already', async () => {
    await openExchange(at.pool, 'd0', 'dora');
    await at.store.importBatch(batchOf('d0', [importRow('Practitioner', 'd-old', undefined)]));
    await at.store.publish('d0', undefined);
    await openExchange(at.pool, 'd1', 'dora');
    await at.store.importBatch(batchOf('d1', [importRow('Practitioner', 'd-new', undefined)]));
    const keys = ['d-old', 'd-new', 'd-none'].map((id) => ({ type: 'Practitioner', id }));
    expect(await at.store.known('d1', keys)).toEqual(new Set(['Practitioner/d-old', 'Practitioner/d-new']));
    expect(await at.store.known('d2', keys)).toEqual(new Set(['Practitioner/d-old']));
  });

  it.each(['Practitioner', 'Encounter'])(
    'finds the one %s that an exchange brought by its identifier',
    async (type) => {
      const exchange = `di-${type}`;
      const withIdentifier = (id: string, value: string) =>
        importRow(type, `${exchange}-${id}`, undefined, `"identifier":[{"system":"s","value":"${value}"}]`);
      await openExchange(at.pool, exchange, 'dora');
      await at.store.importBatch(
        batchOf(exchange, [withIdentifier('a', '1'), withIdentifier('b', '2'), withIdentifier('c', '2')]),
      );
      const find = (value: string, by = exchange) => at.store.broughtByIdentifier(by, type, { system: 's', value });
      expect(await find('1')).toBe(`${exchange}-a`);
      expect(await find('2')).toBeUndefined();
      expect(await find('3')).toBeUndefined();
      expect(await find('1', 'another')).toBeUndefined();
    },
  );
});
