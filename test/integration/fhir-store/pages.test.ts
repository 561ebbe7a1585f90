import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ImportRow } from '../../../store/fhir-store.ts';
import { loadFiles } from '../../../store/postgres/load.ts';
import { createPostgresFhirStore } from '../../../store/postgres/postgres-fhir-store.ts';
import { PAGE_RECORDS } from '../../../store/record-page.ts';
import { FOR_OPERATORS } from '../../../fhir/record-marks.ts';
import { eventually } from '../../support/eventually.ts';
import { useStore } from '../../support/fhir-stores.ts';
import { standingOnPages, toldByPages } from '../../support/pages.ts';
import type { StandingRecord } from '../../support/pages.ts';
import { batchOf, collect, createResource, deletionOf, importRow, openExchange } from '../../support/records.ts';

const at = useStore(createPostgresFhirStore);

const DOCTOR = '"performer":[{"reference":"Practitioner/d"}]';
const observation = (id: string, patient: string, more = DOCTOR): ImportRow =>
  importRow('Observation', id, patient, more);
const observations = (name: string, patient: string, count: number): readonly ImportRow[] =>
  Array.from({ length: count }, (_, n) => observation(`${name}-${n}`, patient, n % 3 === 0 ? '' : DOCTOR));
const textOf = (id: string, patient: string, more = ''): string =>
  `{"resourceType":"Observation","id":"${id}","subject":{"reference":"Patient/${patient}"}${more}}`;

async function moved(): Promise<readonly string[]> {
  const { rows } = await at.pool.query<{ id: string }>('SELECT DISTINCT id FROM moved_record ORDER BY id');
  return rows.map(({ id }) => id);
}

/** The pages of a compartment, as ids by row. */
async function pagesOf(patient: string): Promise<readonly (readonly string[])[]> {
  const pages = new Map<string, string[]>();
  for (const { page, patient: owner, id } of await toldByPages(at.pool)) {
    if (owner === patient) pages.set(page, [...(pages.get(page) ?? []), id]);
  }
  return [...pages.values()];
}

async function load(...lines: readonly string[]): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'carryover-pages-'));
  const file = path.join(folder, 'Mixed.ndjson');
  writeFileSync(file, lines.join('\n'));
  await loadFiles(at.pool, [file]).finally(() => {
    rmSync(folder, { recursive: true });
  });
}

/** Whatever wrote: a record that no page tells of would leave its member's export without a word. */
afterEach(async () => {
  const told = await toldByPages(at.pool);
  expect(told).toEqual(await standingOnPages(at.pool));
  expect(told.length).toBeGreaterThan(0);
});

describe('pages of records', () => {
  it('hold a compartment and a type each, in the order in which they were written, and no more than they may', async () => {
    await openExchange(at.pool, 'a', 'a-local');
    const [many, others] = [observations('a', 'a-p', PAGE_RECORDS + 3), observations('b', 'a-q', 2)];
    const goal = importRow('Goal', 'a-g', 'a-p');
    await at.store.importBatch(batchOf('a', [...others, ...many, goal, importRow('Organization', 'a-o', undefined)]));
    const ids = many.map(({ id }) => id);
    expect(await pagesOf('a-p')).toEqual([ids.slice(0, PAGE_RECORDS), ids.slice(PAGE_RECORDS), ['a-g']]);
    expect(await pagesOf('a-q')).toEqual([['b-0', 'b-1']]);
  });

  it('are written anew where lines are made anew, and keep their other records where they stand', async () => {
    await openExchange(at.pool, 'r', 'r-local');
    await at.store.importBatch(batchOf('r', observations('r', 'r-p', 4)));
    const before = await toldByPages(at.pool);
    await at.store.restage('r', [observation('r-1', 'r-p', '"issued":"2019-01-01"')], [{ file: 0, line: 2 }]);
    const after = await toldByPages(at.pool);
    const others = (told: readonly StandingRecord[]) => told.filter(({ id }) => /^r-[023]$/.test(id));
    expect(others(after)).toEqual(others(before));
    expect(await pagesOf('r-p')).toEqual([['r-0', 'r-2', 'r-3'], ['r-1']]);
  });

  it('go with the last of their records', async () => {
    await openExchange(at.pool, 'g', 'g-local');
    await at.store.stageGenerated('g', [importRow('Provenance', 'g-v', 'g-p')]);
    const [before] = await toldByPages(at.pool).then((told) => told.filter(({ id }) => id === 'g-v'));
    await at.store.stageGenerated('g', [importRow('Provenance', 'g-v', 'g-p', DOCTOR)]);
    const found = (await toldByPages(at.pool)).filter(({ id }) => id === 'g-v');
    expect(found).toHaveLength(1);
    expect(found[0]?.page).not.toBe(before?.page);
  });

  it('go with an import that is taken back, and leave those of others', async () => {
    await openExchange(at.pool, 'x', 'x-local');
    await openExchange(at.pool, 'y', 'y-local');
    await at.store.importBatch(batchOf('x', observations('x', 'x-p', 3)));
    await at.store.importBatch(batchOf('y', observations('y', 'y-p', 3)));
    await at.store.removeImport('x');
    expect(await pagesOf('x-p')).toEqual([]);
    expect(await pagesOf('y-p')).toHaveLength(1);
  });

  it('hold tombstones, which no export shows, also more than fit on one', async () => {
    const count = PAGE_RECORDS + 2;
    await openExchange(at.pool, 'd1', 'dora');
    await at.store.importBatch(batchOf('d1', observations('d', 'd-p', count)));
    await at.store.publish('d1', undefined);
    await openExchange(at.pool, 'd2', 'dora', 2);
    const keys = Array.from({ length: count }, (_, n) => `Observation/d-${n}`);
    await at.store.deleteBatch(deletionOf('d2', keys));
    const tombstones = (await toldByPages(at.pool)).filter(({ id, marks }) => /^d-\d/.test(id) && marks === null);
    expect(new Set(tombstones.map(({ id }) => id)).size).toBe(count);
    expect(new Set(tombstones.map(({ page }) => page)).size).toBe(2);
  });

  it('lose the tombstone of what an operator has changed before the deletion shows', async () => {
    await openExchange(at.pool, 'k1', 'kim');
    await at.store.importBatch(batchOf('k1', observations('k', 'k-p', 2)));
    await at.store.publish('k1', undefined);
    await openExchange(at.pool, 'k2', 'kim', 2);
    await at.store.deleteBatch(deletionOf('k2', ['Observation/k-0', 'Observation/k-1']));
    await createResource(at.store, textOf('k-0', 'k-p'));
    await at.store.publish('k2', undefined);
    const tombstones = (await toldByPages(at.pool)).filter(({ id, marks }) => /^k-/.test(id) && marks === null);
    expect(tombstones.map(({ id }) => id)).toEqual(['k-1']);
  });

  it('stay as they are where a shared record goes and comes back', async () => {
    const clinic = importRow('Organization', 's-org', undefined);
    for (const [exchange, member] of Object.entries({ s1: 'sue', s2: 'sue', s3: 'tim' })) {
      await openExchange(at.pool, exchange, member, 2);
    }
    await at.store.importBatch(batchOf('s1', [clinic, observation('s-o', 's-p')]));
    await at.store.publish('s1', undefined);
    await at.store.deleteBatch(deletionOf('s2', ['Organization/s-org']));
    await at.store.importBatch(batchOf('s3', [clinic]));
    await at.store.publish('s2', undefined);
    await at.store.publish('s3', undefined);
    expect(await at.store.read('Organization', 's-org')).toMatchObject({ deleted: false });
    expect(await pagesOf('s-p')).toEqual([['s-o']]);
  });
});

describe('records that move', () => {
  it('are noted where a write takes them to another compartment, out of one, or into one', async () => {
    await createResource(at.store, textOf('m-same', 'm-p'));
    await createResource(at.store, textOf('m-same', 'm-p', ',"issued":"2019-01-01"'));
    await createResource(at.store, textOf('m-other', 'm-p'));
    await createResource(at.store, textOf('m-other', 'm-q'));
    await createResource(at.store, textOf('m-out', 'm-p'));
    await createResource(at.store, '{"resourceType":"Observation","id":"m-out"}');
    await createResource(at.store, '{"resourceType":"Observation","id":"m-in"}');
    await createResource(at.store, textOf('m-in', 'm-p'));
    await createResource(at.store, textOf('m-gone', 'm-p'));
    await at.store.write([{ kind: 'delete', type: 'Observation', id: 'm-gone' }]);
    expect(await moved()).toEqual(['m-in', 'm-other', 'm-out']);
  });

  it('are noted where a file takes them, or an exchange', async () => {
    await load(textOf('l-a', 'm-p'), textOf('l-b', 'm-p'), textOf('l-c', 'm-p'));
    await load(textOf('l-a', 'm-q'));
    await openExchange(at.pool, 'mx', 'm-local');
    await at.store.importBatch(batchOf('mx', [observation('l-b', 'm-q')]));
    expect((await moved()).filter((id) => id.startsWith('l-'))).toEqual(['l-a', 'l-b']);
  });

  it('are noted where another writes them while a file is loaded, and are exported of the one that shows last', async () => {
    const lock = await at.pool.connect();
    await lock.query('BEGIN; LOCK TABLE patient_link IN ACCESS EXCLUSIVE MODE');
    const link = '"link":[{"type":"seealso","other":{"reference":"Patient/m-q"}}]';
    // Waits for the lock once the records are staged.
    const loading = load(
      textOf('ll-a', 'm-p'),
      textOf('ll-b', 'm-p'),
      `{"resourceType":"Patient","id":"ll-p",${link}}`,
    );
    await eventually(async () => {
      const { rows } = await lock.query(
        `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'patient_link'::regclass
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rows.length > 0 ? true : undefined;
    }, 'the load that waits');
    await createResource(at.store, textOf('ll-a', 'm-q'));
    await lock.query('COMMIT');
    lock.release();
    await loading;
    expect((await moved()).filter((id) => id.startsWith('ll-'))).toEqual(['ll-a']);
    const shown = await collect(
      at.store.runsOfType('Observation', { patientIds: ['m-p', 'm-q'], unmarked: FOR_OPERATORS, recordsPerRun: 64 }),
    );
    const { versionId } = (await at.store.read('Observation', 'll-a')) ?? {};
    const versions = await at.pool.query<{ page_id: string; page_row: number; publication_id: string }>(
      `SELECT page_id, page_row, publication_id FROM resource WHERE id = 'll-a' ORDER BY publication_id`,
    );
    const isShown = ({ page_id, page_row }: (typeof versions.rows)[number]): boolean =>
      shown
        .flat()
        .some(
          ({ page, rows }) => String(page) === page_id && (rows === '' || rows.split(' ').includes(String(page_row))),
        );
    expect(versions.rows.filter(isShown).map(({ publication_id }) => publication_id)).toEqual([versionId]);
    expect(versions.rows).toHaveLength(2);
  });

  it('are noted where a write takes what is only staged yet', async () => {
    await openExchange(at.pool, 'ms', 'm-local');
    await at.store.importBatch(batchOf('ms', [observation('st-a', 'm-p')]));
    await createResource(at.store, textOf('st-a', 'm-q'));
    expect(await moved()).toContain('st-a');
  });
});
