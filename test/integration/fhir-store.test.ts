import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { createBlobStore } from '../../store/blobs.ts';
import type { FhirStore } from '../../store/fhir-store.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { createTestDatabase } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';
import { batchOf, collect, createResource, importRow, openExchange, rowOf } from '../support/records.ts';

const adapters: readonly { readonly name: string; readonly create: (pool: Pool) => FhirStore }[] = [
  { name: 'postgres', create: createPostgresFhirStore },
];

describe.each(adapters)('the FHIR store over $name', ({ create }) => {
  let database: TestDatabase;
  let pool: Pool;
  let store: FhirStore;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new Pool({ connectionString: database.url });
    store = create(pool);
  });

  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const compartment = (patientId: string) => collect(store.memberCompartment({ patientIds: [patientId] }));
  const ids = (resources: readonly { type: string; id: string }[]) => resources.map(({ type, id }) => `${type}/${id}`);

  describe('native writes', () => {
    it('gives back the text as it came, with version and instant in meta', async () => {
      const text =
        '{"resourceType":"Observation","id":"n1","valueQuantity":{"value":1.50,"unit":"µg/Löffel \\u00e9"},"x":1e-7}';
      const [result] = await store.write([{ kind: 'create', type: 'Observation', id: 'n1', text }]);
      const stored = await store.read('Observation', 'n1');
      expect(result?.outcome).toBe('created');
      expect(stored?.text).toBe(
        text.replace(
          '"id":"n1",',
          `"id":"n1","meta":{"versionId":"${stored?.versionId}","lastUpdated":"${stored?.lastUpdated}"},`,
        ),
      );
    });

    it('makes no version of an unchanged text, whatever its server meta says', async () => {
      const first = await createResource(store, '{"resourceType":"Organization","id":"n2","name":"A"}');
      const [again] = await store.write([{ kind: 'update', type: 'Organization', id: 'n2', text: first.text }]);
      expect(again).toMatchObject({ outcome: 'unchanged', resource: { versionId: first.versionId } });
      expect(await store.history('Organization', 'n2')).toHaveLength(1);
    });

    it('refuses an update whose If-Match is not the present version', async () => {
      const first = await createResource(store, '{"resourceType":"Organization","id":"n3","name":"A"}');
      await createResource(store, '{"resourceType":"Organization","id":"n3","name":"B"}');
      const late = {
        kind: 'update',
        type: 'Organization',
        id: 'n3',
        text: '{"resourceType":"Organization","id":"n3"}',
      } as const;
      await expect(store.write([{ ...late, ifMatch: first.versionId }])).rejects.toMatchObject({
        code: 'version-conflict',
      });
    });

    it('lets only one of two concurrent updates with the same If-Match through', async () => {
      const first = await createResource(store, '{"resourceType":"Organization","id":"n4"}');
      const update = (name: string) =>
        store.write([
          {
            ...{ kind: 'update', type: 'Organization', id: 'n4', ifMatch: first.versionId },
            text: `{"resourceType":"Organization","id":"n4","name":"${name}"}`,
          },
        ]);
      const results = await Promise.allSettled([...'abcdef'].map(update));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await store.history('Organization', 'n4')).toHaveLength(2);
    });

    it('writes all of several resources or none', async () => {
      const good = { kind: 'create', type: 'Organization', id: 'n5', text: '{"resourceType":"Organization"}' } as const;
      const bad = { kind: 'delete', type: 'Organization', id: 'never-there' } as const;
      await expect(store.write([good, bad])).rejects.toMatchObject({ code: 'not-found' });
      expect(await store.read('Organization', 'n5')).toBeUndefined();
    });

    it('leaves a tombstone in the history and shows the resource no more', async () => {
      await createResource(store, '{"resourceType":"Condition","id":"n6","subject":{"reference":"Patient/nd"}}');
      const before = await store.freeze();
      await store.write([{ kind: 'delete', type: 'Condition', id: 'n6' }]);
      expect(await store.read('Condition', 'n6')).toMatchObject({ deleted: true, text: '' });
      expect((await store.history('Condition', 'n6')).map(({ deleted }) => deleted)).toEqual([true, false]);
      expect(await compartment('nd')).toEqual([]);
      const query = { patientIds: ['nd'], since: before, includeDeleted: true };
      expect(await collect(store.memberCompartment(query))).toMatchObject([{ id: 'n6', deleted: true }]);
    });

    it('puts a Provenance into the compartment of its targets, stored ones and those written with it', async () => {
      await createResource(store, '{"resourceType":"Condition","id":"n7","subject":{"reference":"Patient/np"}}');
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
      await store.write([provenance('n9', 'Condition/n7'), provenance('n10', 'Goal/n8'), goal]);
      expect(ids(await compartment('np'))).toEqual(['Condition/n7', 'Goal/n8', 'Provenance/n10', 'Provenance/n9']);
    });

    it('finds any single version again, and none that is not one', async () => {
      const first = await createResource(store, '{"resourceType":"Organization","id":"n11","name":"A"}');
      await createResource(store, '{"resourceType":"Organization","id":"n11","name":"B"}');
      expect((await store.vread('Organization', 'n11', first.versionId))?.text).toBe(first.text);
      expect(await store.vread('Organization', 'n11', "1'; --")).toBeUndefined();
    });
  });

  describe('an import', () => {
    it('shows nothing before publication and everything after it, at one instant', async () => {
      await openExchange(pool, 'e1', 'e1-local');
      await createResource(store, '{"resourceType":"Patient","id":"e1-local"}');
      const rows = [
        importRow('Patient', 'e1-p', 'e1-p'),
        importRow('Observation', 'e1-o', 'e1-p'),
        importRow('Practitioner', 'e1-d', undefined),
      ];
      await store.importBatch(batchOf('e1', rows));
      await store.stageGenerated('e1', [importRow('DocumentReference', 'e1-r', 'e1-p')]);
      expect(await compartment('e1-p')).toEqual([]);
      expect(await store.read('Practitioner', 'e1-d')).toBeUndefined();
      const instant = await store.publish('e1', { localPatientId: 'e1-local', importedPatientId: 'e1-p' });
      const shown = await compartment('e1-p');
      expect(ids(shown)).toEqual(['DocumentReference/e1-r', 'Observation/e1-o', 'Patient/e1-p']);
      expect(new Set(shown.map(({ lastUpdated }) => lastUpdated))).toEqual(new Set([instant]));
      expect(shown.every(({ origin, exchangeId }) => origin === 'imported' && exchangeId === 'e1')).toBe(true);
      expect((await store.read('Practitioner', 'e1-d'))?.lastUpdated).toBe(instant);
    });

    it('links both Patients in a native version of the local one, once however often it is published', async () => {
      const link = { localPatientId: 'e1-local', importedPatientId: 'e1-p' };
      const instants = [await store.publish('e1', link), await store.publish('e1', link)];
      const [newest, ...older] = await store.history('Patient', 'e1-local');
      expect(new Set(instants).size).toBe(1);
      expect(older).toHaveLength(1);
      expect(newest).toMatchObject({ origin: 'native', exchangeId: undefined });
      expect(newest?.text).toContain('"link":[{"other":{"reference":"Patient/e1-p"},"type":"seealso"}]');
      expect([...(await store.linkedPatients('e1-local'))].sort()).toEqual(['e1-local', 'e1-p']);
      expect([...(await store.linkedPatients('e1-p'))].sort()).toEqual(['e1-local', 'e1-p']);
    });

    it('publishes nothing, link included, when the local Patient is gone', async () => {
      await openExchange(pool, 'e2', 'e2-local');
      await store.importBatch(batchOf('e2', [importRow('Observation', 'e2-o', 'e2-p')]));
      const link = { localPatientId: 'e2-local', importedPatientId: 'e2-p' };
      await expect(store.publish('e2', link)).rejects.toMatchObject({ code: 'patient-unknown' });
      expect(await compartment('e2-p')).toEqual([]);
    });

    it('makes no new version of what it delivers unchanged, and counts it', async () => {
      const rows = [
        importRow('Patient', 'e3-p', 'e3-p'),
        importRow('Observation', 'e3-a', 'e3-p'),
        importRow('Observation', 'e3-b', 'e3-p'),
      ];
      const changed = [
        rows[0],
        rows[1],
        importRow('Observation', 'e3-b', 'e3-p', '"status":"final"'),
        importRow('Observation', 'e3-c', 'e3-p'),
      ];
      await openExchange(pool, 'e3', 'e3-local');
      expect(await store.importBatch(batchOf('e3', rows))).toEqual({ new: 3, updated: 0, unchanged: 0 });
      await store.publish('e3', undefined);
      await openExchange(pool, 'e3b', 'e3-local');
      const second = await store.importBatch(
        batchOf(
          'e3b',
          changed.filter((row) => row !== undefined),
        ),
      );
      expect(second).toEqual({ new: 1, updated: 1, unchanged: 2 });
      expect(ids(await collect(store.stagedKeys('e3b')))).toEqual(['Observation/e3-b', 'Observation/e3-c']);
      await store.publish('e3b', undefined);
      expect(await store.history('Observation', 'e3-a')).toHaveLength(1);
      expect(await store.history('Observation', 'e3-b')).toHaveLength(2);
      expect(await store.importCounts('e3b')).toEqual([
        { type: 'Observation', received: 3, new: 1, updated: 1, unchanged: 1, refused: 0 },
        { type: 'Patient', received: 1, new: 0, updated: 0, unchanged: 1, refused: 0 },
      ]);
    });

    it('takes an equal second line for the first one and refuses a different one, in one batch and across batches', async () => {
      await openExchange(pool, 'e4', 'e4-local');
      const first = importRow('Observation', 'e4-a', 'e4-p', '"status":"final"', 1);
      const other = (line: number) => importRow('Observation', 'e4-a', 'e4-p', '"status":"amended"', line);
      expect(await store.importBatch(batchOf('e4', [first, first, other(3)]))).toEqual({
        new: 1,
        updated: 0,
        unchanged: 1,
      });
      expect(await store.importBatch(batchOf('e4', [first, other(5)], 3))).toEqual({
        new: 0,
        updated: 0,
        unchanged: 1,
      });
      expect(await store.refusedLines('e4', 10)).toEqual([
        { file: 0, line: 3, reason: 'duplicate-id' },
        { file: 0, line: 5, reason: 'duplicate-id' },
      ]);
      await store.publish('e4', undefined);
      expect((await store.read('Observation', 'e4-a'))?.text).toContain('"status":"final"');
      expect(await store.importCounts('e4')).toMatchObject([{ received: 5, new: 1, unchanged: 2, refused: 2 }]);
    });

    it('refuses the different second line also where the first one was unchanged', async () => {
      await openExchange(pool, 'e4b', 'e4-local');
      const first = importRow('Observation', 'e4-a', 'e4-p', '"status":"final"', 1);
      await store.importBatch(batchOf('e4b', [first]));
      await store.importBatch(batchOf('e4b', [importRow('Observation', 'e4-a', 'e4-p', '"status":"amended"', 2)], 1));
      expect(await store.refusedLines('e4b', 10)).toEqual([{ file: 0, line: 2, reason: 'duplicate-id' }]);
      expect(await collect(store.stagedKeys('e4b'))).toEqual([]);
    });

    it('counts a batch once: the same batch again is refused and changes nothing', async () => {
      await openExchange(pool, 'e5', 'e5-local');
      const batch = {
        ...batchOf('e5', [importRow('Observation', 'e5-a', 'e5-p')]),
        refused: [{ file: 0, line: 2, reason: 'foreign-member' }],
      };
      await store.importBatch(batch);
      await expect(store.importBatch(batch)).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.importCounts('e5')).toEqual([
        { type: 'Observation', received: 2, new: 1, updated: 0, unchanged: 0, refused: 1 },
      ]);
    });

    it('lets one of several runs of the same batch at the same time through', async () => {
      await openExchange(pool, 'e6', 'e6-local');
      const batch = batchOf('e6', [importRow('Observation', 'e6-a', 'e6-p')]);
      const results = await Promise.allSettled([1, 2, 3, 4].map(() => store.importBatch(batch)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await store.importCounts('e6')).toMatchObject([{ received: 1, new: 1 }]);
    });

    it('leaves nothing of a batch that breaks off, and goes on from its checkpoint', async () => {
      await openExchange(pool, 'e7', 'e7-local');
      const rows = [importRow('Observation', 'e7-a', 'e7-p'), importRow('Patient', 'e7-p', 'e7-p')];
      const broken = {
        ...batchOf('e7', rows),
        rows: [...rows, { ...importRow('Goal', 'e7-g', 'e7-p'), contentHash: 'no hex' }],
      };
      await expect(store.importBatch(broken)).rejects.toThrow();
      const { rows: files } = await pool.query(
        'SELECT imported_line, imported_offset FROM exchange_file WHERE exchange_id = $1',
        ['e7'],
      );
      expect(files).toEqual([{ imported_line: 0, imported_offset: '0' }]);
      expect(await store.importCounts('e7')).toEqual([]);
      expect(await store.importBatch(batchOf('e7', rows))).toEqual({ new: 2, updated: 0, unchanged: 0 });
    });

    it('counts a refused line once, under the type of its file', async () => {
      await openExchange(pool, 'e8', 'e8-local');
      const line = { file: 0, line: 7, reason: 'foreign-member' };
      await store.refuseLines('e8', [line]);
      await store.refuseLines('e8', [line, { ...line, line: 8, type: 'Goal' }]);
      expect(await store.importCounts('e8')).toMatchObject([
        { type: 'Goal', received: 1, refused: 1 },
        { type: 'Observation', received: 1, refused: 1 },
      ]);
    });

    it.each([
      ['tabs, line ends and backslashes', '\\\\.\\n\\t\\r\\\\N \\" \\/ \\u0000'],
      ['an end-of-data mark', '\\\\.'],
      ['the mark of NULL', '\\\\N'],
      ['characters beyond the BMP', '😀 é é 漢 \u2028'],
    ])('keeps %s byte for byte', async (_name, value) => {
      const id = `copy-${_name.replace(/[^a-z]/gi, '')}`;
      await openExchange(pool, id, 'local');
      const text = `{"resourceType":"Organization",\t"id":"${id}", "name":"${value}","identifier":[{"system":"s\\\\","value":"${value}"}],"n":1.00}`;
      await store.importBatch(batchOf(id, [rowOf(text, undefined)]));
      await store.publish(id, undefined);
      const { rows } = await pool.query<{ content: string }>('SELECT content FROM resource WHERE id = $1', [id]);
      expect(rows[0]?.content).toBe(text);
      const decoded = (JSON.parse(text) as { identifier: [{ system: string; value: string }] }).identifier[0];
      expect(ids(await store.findByIdentifier('Organization', decoded))).toEqual([`Organization/${id}`]);
    });

    it('removes all that it staged, kept files included, and leaves the store as it was before', async () => {
      await openExchange(pool, 'e9', 'e9-local');
      await openExchange(pool, 'e90', 'e9-local');
      const blobs = createBlobStore(pool);
      await blobs.append('exchange/e90/0', 0, Buffer.from('another exchange'));
      const before = await recordTables(pool);
      const rows = [
        importRow(
          'Patient',
          'e9-p',
          'e9-p',
          '"name":[{"family":"F"}],"identifier":[{"value":"v"}],"link":[{"other":{"reference":"Patient/x"},"type":"seealso"}]',
        ),
        importRow('Organization', 'n11', undefined, '"name":"B"'),
      ];
      await store.importBatch(batchOf('e9', rows));
      await store.stageGenerated('e9', [importRow('Provenance', 'e9-v', 'e9-p')]);
      await store.indexDelivered('e9', 0, [
        { type: 'Patient', originalId: 'o', identifiers: [{ system: 's', value: 'v' }] },
      ]);
      await blobs.append('exchange/e9/0', 0, Buffer.from('received'));
      await blobs.append('exchange/e9/0/kept', 0, Buffer.from('kept'));
      expect(await recordTables(pool)).not.toEqual(before);
      await store.removeImport('e9');
      expect(await recordTables(pool)).toEqual(before);
      await store.removeImport('e9');
      expect(await recordTables(pool)).toEqual(before);
    });

    it('stages and publishes nothing any more after its removal', async () => {
      const late = batchOf('e9', [importRow('Observation', 'e9-late', 'e9-p')], 2);
      await expect(store.importBatch(late)).rejects.toMatchObject({ code: 'cancelled' });
      await expect(store.stageGenerated('e9', late.rows)).rejects.toMatchObject({ code: 'cancelled' });
      await expect(store.publish('e9', undefined)).rejects.toMatchObject({ code: 'cancelled' });
    });

    it('cannot be removed, nor added to, once it is published', async () => {
      await expect(store.removeImport('e1')).rejects.toMatchObject({ code: 'conflict' });
      await expect(store.importBatch(batchOf('e1', [importRow('Goal', 'e1-g', 'e1-p')], 3))).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(ids(await compartment('e1-p'))).toContain('Observation/e1-o');
    });

    it('replaces a generated record staged before, and stages none that is visible already', async () => {
      await openExchange(pool, 'e10', 'e10-local');
      await store.stageGenerated('e10', [importRow('Provenance', 'e10-v', 'e10-p', '"recorded":"1"')]);
      await store.stageGenerated('e10', [importRow('Provenance', 'e10-v', 'e10-p', '"recorded":"2"')]);
      await store.publish('e10', undefined);
      expect((await store.read('Provenance', 'e10-v'))?.text).toContain('"recorded":"2"');
      await openExchange(pool, 'e10b', 'e10-local');
      await store.stageGenerated('e10b', [importRow('Provenance', 'e10-v', 'e10-p', '"recorded":"2"')]);
      await store.publish('e10b', undefined);
      expect(await store.history('Provenance', 'e10-v')).toHaveLength(1);
      expect(await store.generatedIds('e10', 'Provenance')).toEqual(['e10-v']);
    });

    it('names a shared record to be targeted when this member is brought it for the first time, and not again', async () => {
      const doctor = importRow('Practitioner', 'shared-1', undefined);
      const keysFor = async (exchange: string, member: string) => {
        await openExchange(pool, exchange, member);
        await store.importBatch(batchOf(exchange, [doctor]));
        const keys = ids(await collect(store.stagedKeys(exchange)));
        await store.publish(exchange, undefined);
        return keys;
      };
      expect(await keysFor('s1', 'anna')).toEqual(['Practitioner/shared-1']);
      expect(await keysFor('s2', 'bert')).toEqual(['Practitioner/shared-1']);
      expect(await keysFor('s3', 'anna')).toEqual([]);
      expect(await keysFor('s4', 'bert')).toEqual([]);
      expect(await store.history('Practitioner', 'shared-1')).toHaveLength(1);
    });

    it('makes one version of a shared record that two exchanges staged at the same time', async () => {
      const place = importRow('Organization', 'shared-2', undefined, '"name":"Clinic","identifier":[{"value":"npi"}]');
      for (const id of ['s5', 's6']) {
        await openExchange(pool, id, id);
        await store.importBatch(batchOf(id, [place]));
      }
      await Promise.all([store.publish('s5', undefined), store.publish('s6', undefined)]);
      expect(await store.history('Organization', 'shared-2')).toHaveLength(1);
    });

    it('resolves what is delivered by original id and by the identifier of one resource alone', async () => {
      const entry = (originalId: string, value: string) => ({
        type: 'Practitioner',
        originalId,
        identifiers: [{ system: 's', value }],
      });
      await store.indexDelivered('d1', 0, [entry('a', '1'), entry('b', '2'), entry('c', '2')]);
      await store.indexDelivered('d1', 0, [entry('a', '1')]);
      const asked = [
        { type: 'Practitioner', originalId: 'a' },
        { type: 'Practitioner', originalId: 'z' },
      ];
      expect(await store.delivered('d1', asked)).toEqual(new Set(['Practitioner/a']));
      expect(await store.deliveredByIdentifier('d1', 'Practitioner', { system: 's', value: '1' })).toBe('a');
      expect(await store.deliveredByIdentifier('d1', 'Practitioner', { system: 's', value: '2' })).toBeUndefined();
      expect(await store.deliveredByIdentifier('d2', 'Practitioner', { system: 's', value: '1' })).toBeUndefined();
    });
  });

  describe('reading a compartment', () => {
    beforeAll(async () => {
      await store.write(
        Array.from({ length: 1203 }, (_, index) => ({
          ...({ kind: 'create', type: index % 3 === 0 ? 'Goal' : 'Condition', id: `c-${index}` } as const),
          text: `{"resourceType":"${index % 3 === 0 ? 'Goal' : 'Condition'}","subject":{"reference":"Patient/c${index % 2}"}}`,
        })),
      );
    });

    it('reads page after page without gap or repetition, ordered by type and id across linked compartments', async () => {
      const all = ids(await collect(store.memberCompartment({ patientIds: ['c0', 'c1'] })));
      expect(all).toHaveLength(1203);
      expect(all).toEqual([...all].sort());
      expect(new Set(all).size).toBe(1203);
    });

    it('stays with the asked types', async () => {
      const goals = await collect(store.memberCompartment({ patientIds: ['c0', 'c1'], types: ['Goal', 'Patient'] }));
      expect(goals).toHaveLength(401);
    });

    it('shows the state as of an instant, whatever comes later', async () => {
      const instant = await store.freeze();
      await store.write([{ kind: 'delete', type: 'Goal', id: 'c-0' }]);
      await createResource(
        store,
        '{"resourceType":"Goal","id":"c-6","subject":{"reference":"Patient/c0"},"note":"later"}',
      );
      const then = await collect(store.memberCompartment({ patientIds: ['c0'], asOf: instant }));
      expect(ids(then)).toContain('Goal/c-0');
      expect(then.find(({ id }) => id === 'c-6')?.text).not.toContain('later');
      const since = await collect(store.memberCompartment({ patientIds: ['c0'], since: instant }));
      expect(ids(since)).toEqual(['Goal/c-6']);
      const kept = await collect(
        store.readMany(
          [
            { type: 'Goal', id: 'c-0' },
            { type: 'Goal', id: 'none' },
          ],
          { asOf: instant },
        ),
      );
      expect(ids(kept)).toEqual(['Goal/c-0']);
      expect(await collect(store.readMany([{ type: 'Goal', id: 'c-0' }]))).toEqual([]);
    });

    it('gives kept originals only when they are asked for', async () => {
      await openExchange(pool, 'ev', 'ev-local');
      await store.stageGenerated('ev', [{ ...importRow('DocumentReference', 'ev-d', 'ev-p'), evidence: true }]);
      await store.publish('ev', undefined);
      expect(await compartment('ev-p')).toEqual([]);
      expect(ids(await collect(store.memberCompartment({ patientIds: ['ev-p'], includeEvidence: true })))).toEqual([
        'DocumentReference/ev-d',
      ]);
    });

    it('narrows to native or imported records', async () => {
      const of = async (origin: 'native' | 'imported') =>
        ids(await collect(store.memberCompartment({ patientIds: ['e1-local', 'e1-p'], types: ['Patient'], origin })));
      expect(await of('native')).toEqual(['Patient/e1-local']);
      expect(await of('imported')).toEqual(['Patient/e1-p']);
    });

    it('moves a record whose subject changes from one compartment to the other', async () => {
      await createResource(store, '{"resourceType":"Condition","id":"moved","subject":{"reference":"Patient/m1"}}');
      await createResource(store, '{"resourceType":"Condition","id":"moved","subject":{"reference":"Patient/m2"}}');
      expect(await compartment('m1')).toEqual([]);
      expect(ids(await compartment('m2'))).toEqual(['Condition/moved']);
    });
  });

  describe('searching', () => {
    beforeAll(async () => {
      await createResource(
        store,
        '{"resourceType":"Patient","id":"q1","name":[{"family":"Müller","given":["Jörg","Ann"]}],"identifier":[{"system":"urn:a","value":"1"}]}',
      );
      await createResource(
        store,
        '{"resourceType":"Patient","id":"q2","name":[{"text":"Jane Muller"}],"identifier":[{"system":"urn:b","value":"1"}]}',
      );
      await createResource(
        store,
        `{"resourceType":"Coverage","id":"q3","subscriberId":"S-1","beneficiary":{"reference":"Patient/q1"},"identifier":[{"system":"urn:a","value":"${'x'.repeat(5000)}"}]}`,
      );
      await createResource(
        store,
        '{"resourceType":"Claim","id":"q4","patient":{"reference":"Patient/q1"},"identifier":[{"system":"urn:c","value":"9"}]}',
      );
    });
    const found = async (query: Omit<Parameters<FhirStore['search']>[0], 'count'>) =>
      ids((await store.search({ ...query, count: 50 })).resources);

    it('finds by identifier with and without system', async () => {
      expect(await found({ type: 'Patient', identifiers: [{ value: '1' }] })).toEqual(['Patient/q1', 'Patient/q2']);
      expect(await found({ type: 'Patient', identifiers: [{ system: 'urn:b', value: '1' }] })).toEqual(['Patient/q2']);
      expect(await found({ type: 'Coverage', identifiers: [{ system: '', value: 'S-1' }] })).toEqual(['Coverage/q3']);
      expect(await found({ type: 'Coverage', identifiers: [{ value: 'x'.repeat(5000) }] })).toEqual(['Coverage/q3']);
      expect(await found({ type: 'Coverage', identifiers: [{ value: 'a\0b' }] })).toEqual([]);
    });

    it('finds by the beginning of a name, whatever its case and accents', async () => {
      expect(await found({ type: 'Patient', names: [{ part: 'family', anyOf: ['MULL'] }] })).toEqual(['Patient/q1']);
      expect(await found({ type: 'Patient', names: [{ anyOf: ['jane m', 'jörg'] }] })).toEqual([
        'Patient/q1',
        'Patient/q2',
      ]);
      expect(
        await found({
          type: 'Patient',
          names: [
            { part: 'family', anyOf: ['mul'] },
            { part: 'given', anyOf: ['bob'] },
          ],
        }),
      ).toEqual([]);
    });

    it('finds nothing by what only an earlier version said', async () => {
      await createResource(
        store,
        '{"resourceType":"Organization","id":"q5","name":"Before","identifier":[{"value":"old"}]}',
      );
      await createResource(store, '{"resourceType":"Organization","id":"q5","name":"After"}');
      expect(await found({ type: 'Organization', identifiers: [{ value: 'old' }] })).toEqual([]);
      expect(await found({ type: 'Organization', names: [{ anyOf: ['before'] }] })).toEqual([]);
    });

    it('looks for identifiers of other types inside a compartment only', async () => {
      const query = { type: 'Claim', identifiers: [{ system: 'urn:c', value: '9' }] };
      expect(await found({ ...query, patientIds: ['q1'] })).toEqual(['Claim/q4']);
      await expect(found(query)).rejects.toMatchObject({ code: 'too-costly' });
    });

    it('pages through one state, though something new comes between the pages', async () => {
      const first = await store.search({ type: 'Condition', count: 300 });
      await createResource(store, '{"resourceType":"Condition","id":"zzz-new"}');
      const all = [...first.resources];
      for (let { next } = first; next !== undefined;) {
        const page = await store.search({ type: 'Condition', count: 300, after: next });
        all.push(...page.resources);
        next = page.next;
      }
      expect(new Set(ids(all)).size).toBe(all.length);
      expect(ids(all)).not.toContain('Condition/zzz-new');
      expect(all.length).toBeGreaterThan(800);
    });

    it('refuses a page link that is not its own', async () => {
      await expect(store.search({ type: 'Condition', count: 3, after: 'x' })).rejects.toMatchObject({
        code: 'request-invalid',
      });
    });
  });
});

/** What stands in the tables of records and staging, as text. */
async function recordTables(pool: Pool): Promise<unknown> {
  const tables = [
    ...['resource', 'resource_identifier', 'resource_name', 'patient_link', 'unchanged_resource', 'blob_chunk'],
    ...['exchange_count', 'delivered_resource', 'delivered_identifier'],
  ];
  const contents = await Promise.all(
    tables.map(async (table) => {
      const { rows } = await pool.query<{ row: string }>(`SELECT t::text AS row FROM ${table} t ORDER BY 1`);
      return [table, rows.map(({ row }) => row)];
    }),
  );
  return Object.fromEntries(contents) as unknown;
}
