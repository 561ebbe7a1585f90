import { describe, expect, it } from '@jest/globals';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import { batchOf, collect, createResource, ids, importRow, openExchange, rowOf } from '../../support/records.ts';

const NO_DELETIONS = { deleted: 0, deletionsKept: 0, deletionsUnknown: 0 };

describe.each(adapters)('an import over $name', ({ create }) => {
  const at = useStore(create);
  const compartment = (patientId: string) => collect(at.store.memberCompartment({ patientIds: [patientId] }));

  it('shows nothing before publication and everything after it, at one instant', async () => {
    await openExchange(at.pool, 'e1', 'e1-local');
    await createResource(at.store, '{"resourceType":"Patient","id":"e1-local"}');
    const rows = [
      importRow('Patient', 'e1-p', 'e1-p'),
      importRow('Observation', 'e1-o', 'e1-p'),
      importRow('Practitioner', 'e1-d', undefined),
    ];
    await at.store.importBatch(batchOf('e1', rows));
    await at.store.stageGenerated('e1', [importRow('DocumentReference', 'e1-r', 'e1-p')]);
    expect(await compartment('e1-p')).toEqual([]);
    expect(await at.store.read('Practitioner', 'e1-d')).toBeUndefined();
    const instant = await at.store.publish('e1', { localPatientId: 'e1-local', importedPatientId: 'e1-p' });
    const shown = await compartment('e1-p');
    expect(ids(shown)).toEqual(['DocumentReference/e1-r', 'Observation/e1-o', 'Patient/e1-p']);
    expect(new Set(shown.map(({ lastUpdated }) => lastUpdated))).toEqual(new Set([instant]));
    expect(shown.every(({ origin, exchangeId }) => origin === 'imported' && exchangeId === 'e1')).toBe(true);
    expect((await at.store.read('Practitioner', 'e1-d'))?.lastUpdated).toBe(instant);
  });

  it('links both Patients in a native version of the local one, once however often it is published', async () => {
    const link = { localPatientId: 'e1-local', importedPatientId: 'e1-p' };
    const instants = [await at.store.publish('e1', link), await at.store.publish('e1', link)];
    const [newest, ...older] = await at.store.history('Patient', 'e1-local');
    expect(new Set(instants).size).toBe(1);
    expect(older).toHaveLength(1);
    expect(newest).toMatchObject({ origin: 'native', exchangeId: undefined });
    expect(newest?.text).toContain('"link":[{"other":{"reference":"Patient/e1-p"},"type":"seealso"}]');
    expect([...(await at.store.linkedPatients('e1-local'))].sort()).toEqual(['e1-local', 'e1-p']);
    expect([...(await at.store.linkedPatients('e1-p'))].sort()).toEqual(['e1-local', 'e1-p']);
  });

  it('publishes nothing, link included, when the local Patient is gone', async () => {
    await openExchange(at.pool, 'e2', 'e2-local');
    await at.store.importBatch(batchOf('e2', [importRow('Observation', 'e2-o', 'e2-p')]));
    const link = { localPatientId: 'e2-local', importedPatientId: 'e2-p' };
    await expect(at.store.publish('e2', link)).rejects.toMatchObject({ code: 'patient-unknown' });
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
    await openExchange(at.pool, 'e3', 'e3-local');
    expect(await at.store.importBatch(batchOf('e3', rows))).toEqual({ new: 3, updated: 0, unchanged: 0 });
    await at.store.publish('e3', undefined);
    await openExchange(at.pool, 'e3b', 'e3-local');
    const second = await at.store.importBatch(
      batchOf(
        'e3b',
        changed.filter((row) => row !== undefined),
      ),
    );
    expect(second).toEqual({ new: 1, updated: 1, unchanged: 2 });
    expect(ids(await collect(at.store.stagedKeys('e3b')))).toEqual(['Observation/e3-b', 'Observation/e3-c']);
    await at.store.publish('e3b', undefined);
    expect(await at.store.history('Observation', 'e3-a')).toHaveLength(1);
    expect(await at.store.history('Observation', 'e3-b')).toHaveLength(2);
    expect(await at.store.importCounts('e3b')).toEqual([
      { type: 'Observation', received: 3, new: 1, updated: 1, unchanged: 1, refused: 0, ...NO_DELETIONS },
      { type: 'Patient', received: 1, new: 0, updated: 0, unchanged: 1, refused: 0, ...NO_DELETIONS },
    ]);
  });

  it('takes an equal second line for the first one and refuses a different one, in one batch and across batches', async () => {
    await openExchange(at.pool, 'e4', 'e4-local');
    const first = importRow('Observation', 'e4-a', 'e4-p', '"status":"final"', 1);
    const other = (line: number) => importRow('Observation', 'e4-a', 'e4-p', '"status":"amended"', line);
    expect(await at.store.importBatch(batchOf('e4', [first, first, other(3)]))).toEqual({
      new: 1,
      updated: 0,
      unchanged: 0,
    });
    expect(await at.store.importBatch(batchOf('e4', [first, other(5)], 3))).toEqual({
      new: 0,
      updated: 0,
      unchanged: 0,
    });
    expect(await at.store.refusedLines('e4', 10)).toEqual([
      { file: 0, line: 3, reason: 'duplicate-id' },
      { file: 0, line: 5, reason: 'duplicate-id' },
    ]);
    await at.store.publish('e4', undefined);
    expect((await at.store.read('Observation', 'e4-a'))?.text).toContain('"status":"final"');
    expect(await at.store.importCounts('e4')).toMatchObject([{ received: 5, new: 1, unchanged: 0, refused: 2 }]);
  });

  it('refuses the different second line also where the first one was unchanged', async () => {
    await openExchange(at.pool, 'e4b', 'e4-local');
    const first = importRow('Observation', 'e4-a', 'e4-p', '"status":"final"', 1);
    await at.store.importBatch(batchOf('e4b', [first]));
    await at.store.importBatch(batchOf('e4b', [importRow('Observation', 'e4-a', 'e4-p', '"status":"amended"', 2)], 1));
    expect(await at.store.refusedLines('e4b', 10)).toEqual([{ file: 0, line: 2, reason: 'duplicate-id' }]);
    expect(await collect(at.store.stagedKeys('e4b'))).toEqual([]);
  });

  it('counts a batch once: the same batch again is refused and changes nothing', async () => {
    await openExchange(at.pool, 'e5', 'e5-local');
    const batch = {
      ...batchOf('e5', [importRow('Observation', 'e5-a', 'e5-p')]),
      refused: [{ file: 0, line: 2, reason: 'foreign-member' }],
    };
    await at.store.importBatch(batch);
    await expect(at.store.importBatch(batch)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await at.store.importCounts('e5')).toEqual([
      { type: 'Observation', received: 2, new: 1, updated: 0, unchanged: 0, refused: 1, ...NO_DELETIONS },
    ]);
  });

  it('lets one of several runs of the same batch at the same time through', async () => {
    await openExchange(at.pool, 'e6', 'e6-local');
    const batch = batchOf('e6', [importRow('Observation', 'e6-a', 'e6-p')]);
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => at.store.importBatch(batch)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await at.store.importCounts('e6')).toMatchObject([{ received: 1, new: 1 }]);
  });

  it('leaves nothing of a batch that breaks off, and goes on from its checkpoint', async () => {
    await openExchange(at.pool, 'e7', 'e7-local');
    const rows = [importRow('Observation', 'e7-a', 'e7-p'), importRow('Patient', 'e7-p', 'e7-p')];
    const broken = {
      ...batchOf('e7', rows),
      rows: [...rows, { ...importRow('Goal', 'e7-g', 'e7-p'), id: 'no\0text' }],
    };
    await expect(at.store.importBatch(broken)).rejects.toThrow();
    const { rows: files } = await at.pool.query(
      'SELECT imported_line, imported_offset FROM exchange_file WHERE exchange_id = $1',
      ['e7'],
    );
    expect(files).toEqual([{ imported_line: 0, imported_offset: '0' }]);
    expect(await at.store.importCounts('e7')).toEqual([]);
    expect(await at.store.importBatch(batchOf('e7', rows))).toEqual({ new: 2, updated: 0, unchanged: 0 });
  });

  it('survives the loss of its connection in the middle of a batch, of which nothing stays', async () => {
    await openExchange(at.pool, 'e7c', 'e7-local');
    const held = await at.pool.connect();
    await held.query('BEGIN');
    await held.query("SELECT 1 FROM exchange_file WHERE exchange_id = 'e7c' FOR UPDATE");
    const batch = batchOf('e7c', [importRow('Observation', 'e7c-a', 'e7c-p')]);
    const lost = expect(at.store.importBatch(batch)).rejects.toThrow();
    let ended = 0;
    for (const deadline = Date.now() + 20_000; ended === 0 && Date.now() < deadline;) {
      const { rowCount } = await at.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE exchange_file%'`,
      );
      ended = rowCount ?? 0;
    }
    await lost;
    await held.query('ROLLBACK');
    held.release();
    expect(await at.store.importBatch(batch)).toEqual({ new: 1, updated: 0, unchanged: 0 });
  });

  it('counts a refused line once, under the type of its file', async () => {
    await openExchange(at.pool, 'e8', 'e8-local');
    const line = { file: 0, line: 7, reason: 'foreign-member' };
    await at.store.importBatch({ ...batchOf('e8', []), refused: [line] });
    await at.store.importBatch({ ...batchOf('e8', []), refused: [line, { ...line, line: 8, type: 'Goal' }] });
    expect(await at.store.importCounts('e8')).toMatchObject([
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
    await openExchange(at.pool, id, 'local');
    const text = `{"resourceType":"Organization",\t"id":"${id}", "name":"${value}","identifier":[{"system":"s\\\\","value":"${value}"}],"n":1.00}`;
    await at.store.importBatch(batchOf(id, [rowOf(text, undefined)]));
    await at.store.publish(id, undefined);
    const { rows } = await at.pool.query<{ content: string }>('SELECT content FROM resource WHERE id = $1', [id]);
    expect(rows[0]?.content).toBe(text);
    const decoded = (JSON.parse(text) as { identifier: [{ system: string; value: string }] }).identifier[0];
    expect(ids(await at.store.findByIdentifier('Organization', decoded))).toEqual([`Organization/${id}`]);
  });
});
