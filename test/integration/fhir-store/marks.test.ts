import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { tellingReferences } from '../../../activities/responder/reference-collector.ts';
import { FOR_OPERATORS, isOver, isOverSql, isUnmarked, isUnmarkedSql, marksOf } from '../../../fhir/record-marks.ts';
import { loadFiles } from '../../../store/postgres/load.ts';
import { createPostgresFhirStore } from '../../../store/postgres/postgres-fhir-store.ts';
import { adapters, useStore } from '../../support/fhir-stores.ts';
import { batchOf, collect, createResource, deletionOf, importRow, openExchange } from '../../support/records.ts';

interface Version {
  readonly content: string;
  readonly marks: number | null;
  readonly shared_references: string | null;
}

/** Something of everything that is marked. */
const MORE =
  '"meta":{"security":[],"tag":[]},"issued":"2019-01-01","payment":{},"performer":[{"reference":"Practitioner/d"}]';

describe.each(adapters)('what is marked of a record, over $name', ({ create }) => {
  const at = useStore(create);

  const versions = async (id: string): Promise<readonly Version[]> => {
    const { rows } = await at.pool.query<Version>(
      'SELECT content, marks, shared_references FROM resource WHERE id = $1 ORDER BY publication_id',
      [id],
    );
    return rows;
  };
  const markedAsSeen = ({ content }: Version): Version => {
    const { marks, sharedReferences = null } = marksOf(content);
    return { content, marks, shared_references: sharedReferences };
  };
  const expectMarked = async (id: string, count: number): Promise<void> => {
    const rows = await versions(id);
    expect(rows).toHaveLength(count);
    expect(rows).toEqual(rows.map(markedAsSeen));
  };

  it('is kept as the import has seen it, and not looked for again', async () => {
    await openExchange(at.pool, 'i', 'i-local');
    const row = { ...importRow('Observation', 'i-o', 'i-p', MORE), marks: 7, sharedReferences: 'Location/elsewhere' };
    await at.store.importBatch(batchOf('i', [row]));
    expect(await versions('i-o')).toMatchObject([{ marks: 7, shared_references: 'Location/elsewhere' }]);
  });

  it('is kept of what the import makes itself', async () => {
    await openExchange(at.pool, 'g', 'g-local');
    await at.store.importBatch(batchOf('g', [importRow('Observation', 'g-o', 'g-p', MORE)]));
    await at.store.stageGenerated('g', [importRow('Provenance', 'g-v', 'g-p', MORE)]);
    await at.store.stageAbout('g', 10, () => importRow('Provenance', 'g-about', 'g-p', MORE));
    for (const id of ['g-o', 'g-v', 'g-about']) await expectMarked(id, 1);
  });

  it('is that of the new text where a line is made anew', async () => {
    await openExchange(at.pool, 'a', 'a-local');
    await at.store.importBatch(batchOf('a', [importRow('Observation', 'a-o', 'a-p', MORE)]));
    const another = importRow('Observation', 'a-o', 'a-p', '"performer":[{"reference":"Organization/o"}]');
    await at.store.restage('a', [another], [{ file: 0, line: 1 }]);
    expect(await versions('a-o')).toMatchObject([{ shared_references: 'Organization/o' }]);
    await expectMarked('a-o', 1);
  });

  it('is kept of each version that is written, and of the link that a publication writes', async () => {
    await createResource(at.store, `{"resourceType":"Patient","id":"w-local","birthDate":"1960-01-01"}`);
    await createResource(at.store, `{"resourceType":"Patient","id":"w-local",${MORE}}`);
    await openExchange(at.pool, 'w', 'w-local');
    await at.store.importBatch(batchOf('w', [importRow('Patient', 'w-p', 'w-p')]));
    await at.store.publish('w', { localPatientId: 'w-local', importedPatientId: 'w-p' });
    await expectMarked('w-local', 3);
  });

  it('is kept of what is loaded from a file', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'carryover-marks-'));
    const file = path.join(folder, 'Observation.ndjson');
    writeFileSync(file, `{"resourceType":"Observation","id":"l-o","text":{"div":"é"},${MORE}}`);
    await loadFiles(at.pool, [file]).finally(() => {
      rmSync(folder, { recursive: true });
    });
    await expectMarked('l-o', 1);
  });

  it('is enough where a record refers by what identifies, as by id, and not where nothing can be listed', async () => {
    const performers = {
      'u-id': 'Practitioner/d',
      'u-identifier': 'Practitioner?identifier=urn:npi|1',
      'u-name': 'Practitioner?name=x',
    };
    for (const [id, reference] of Object.entries(performers)) {
      const who = `"subject":{"reference":"Patient/u"},"performer":[{"reference":"${reference}"}]`;
      await createResource(at.store, `{"resourceType":"Observation","id":"${id}","meta":{"tag":[]},${who}}`);
    }
    const unmarked = tellingReferences(FOR_OPERATORS);
    const batches = await collect(at.store.recordsOfType('Observation', { patientIds: ['u'], unmarked }));
    const read = batches.flatMap((batch) =>
      [...batch].map(({ id, isUnread, sharedReferences }) => [id, isUnread, sharedReferences]),
    );
    expect(read).toEqual([
      ['u-id', true, 'Practitioner/d'],
      ['u-identifier', true, 'Practitioner?urn:npi|1'],
      ['u-name', false, undefined],
    ]);
  });

  it('is nothing of a tombstone, and comes back with a shared record', async () => {
    const clinic = importRow('Organization', 's-org', undefined, '"endpoint":[{"reference":"Endpoint/e"}]');
    for (const [exchange, member] of Object.entries({ s1: 'sue', s2: 'sue', s3: 'tim' })) {
      await openExchange(at.pool, exchange, member, 2);
    }
    await at.store.importBatch(batchOf('s1', [clinic]));
    await at.store.publish('s1', undefined);
    await at.store.deleteBatch(deletionOf('s2', ['Organization/s-org']));
    await at.store.importBatch(batchOf('s3', [clinic]));
    await at.store.publish('s2', undefined);
    await at.store.publish('s3', undefined);
    await at.store.write([{ kind: 'delete', type: 'Organization', id: 's-org' }]);
    const none: Version = { content: '', marks: null, shared_references: null };
    const [first, ...others] = await versions('s-org');
    expect(first).toMatchObject({ shared_references: 'Endpoint/e' });
    expect(others).toEqual([none, first, none]);
  });
});

describe('what marks decide', () => {
  const at = useStore(createPostgresFhirStore);

  it('is the same in the database, which reads no text of it, and for what is made of the rest', async () => {
    const near = (places: readonly number[]): fc.Arbitrary<number> =>
      fc
        .tuple(fc.constantFrom(...places), fc.integer({ min: -1, max: 1 }))
        .map(([place, more]) => Math.max(place + more, 0));
    const [years, days] = [near([0, 2020, 2021, 0x7fe]), near([0, 1, 20_000, 20_001, 0xfffe])];
    const marks = fc
      .tuple(years, fc.integer({ min: 0, max: 15 }), days)
      .map(([year, bits, day]) => (day << 15) | (bits << 11) | year);
    const rule = fc.record({
      mask: fc.integer({ min: 0, max: 15 }).map((bits) => bits << 11),
      ...{ fromYear: fc.constantFrom(0, 2021), fromDay: fc.constantFrom(0, 20_000) },
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(marks, { nil: undefined }), { minLength: 50, maxLength: 50 }),
        rule,
        async (all, unmarked) => {
          const { rows } = await at.pool.query<{ unmarked: boolean | null; over: boolean | null }>(
            `SELECT ${isUnmarkedSql('m.marks', unmarked)} AS unmarked, ${isOverSql('m.marks', unmarked)} AS over
             FROM unnest($1::int[]) WITH ORDINALITY AS m(marks, n) ORDER BY n`,
            [all.map((each) => each ?? null)],
          );
          expect(rows.map((row) => [row.unmarked === true, row.over === true])).toEqual(
            all.map((each) => [isUnmarked(each, unmarked), isOver(each, unmarked)]),
          );
        },
      ),
    );
  });
});
