import { beforeAll, describe, expect, it } from '@jest/globals';
import { dayNumber, FOR_OPERATORS, forPartners, isOver, isUnmarked } from '../../../fhir/record-marks.ts';
import { createPostgresFhirStore } from '../../../store/postgres/postgres-fhir-store.ts';
import { RUN_RECORD_BYTES } from '../../../store/record-run.ts';
import type { RecordRun, RunQuery } from '../../../store/record-run.ts';
import { useStore } from '../../support/fhir-stores.ts';
import { batchOf, forgetMarks, openExchange, rowOf } from '../../support/records.ts';

/** More than are asked for in one statement. */
const PATIENTS = Array.from({ length: 23 }, (_, n) => `p${n}`);
const [FROM_DAY, FROM_YEAR] = [dayNumber('2015-06-10'), 2016];
const PARTNER = forPartners('Goal', FROM_YEAR, FROM_DAY);
const QUERY: RunQuery = { patientIds: PATIENTS, unmarked: PARTNER, recordsPerRun: 3 };

const at = useStore(createPostgresFhirStore);
/** After the first version of each; after all of it. */
let early: string;
let late: string;

const textOf = (id: string, patient: string, more = ''): string =>
  `{"resourceType":"Goal","id":"${id}","meta":{"source":"urn:s"},"subject":{"reference":"Patient/${patient}"}${more}}`;

/** What the marks make of it: nothing, withheld by the look-back, kept by it to the day, by a label, by its length. */
const KINDS = [
  ',"expressedBy":{"reference":"Practitioner/d"}',
  ',"target":[{"dueDate":"2011-01-01"}],"statusDate":"2010-01-01"',
  ',"statusDate":"2015-06-10"',
  ',"note":[{"text":"security"}]',
  `,"note":[{"text":"${'x'.repeat(RUN_RECORD_BYTES)}"}]`,
];

async function write(id: string, patient: string, more?: string): Promise<void> {
  await at.store.write([{ kind: 'update', type: 'Goal', id, text: textOf(id, patient, more) }]);
}

interface FoundRun extends RecordRun {
  readonly ids: readonly string[];
}

async function runs(query: Partial<RunQuery> = {}): Promise<readonly FoundRun[]> {
  const all: FoundRun[] = [];
  for await (const some of at.store.runsOfType('Goal', { ...QUERY, ...query })) {
    for (const run of some) all.push({ ...run, ids: await idsOf(run) });
  }
  return all;
}

/** As the records say that stand there. */
async function idsOf({ page, rows }: RecordRun): Promise<readonly string[]> {
  const numbers = rows === '' ? null : rows.split(' ').map(Number);
  const { rows: found } = await at.pool.query<{ id: string }>(
    'SELECT id FROM resource WHERE page_id = $1 AND ($2::int[] IS NULL OR page_row = ANY($2::int[]))',
    [String(page), numbers],
  );
  return found.map(({ id }) => id);
}

const withheldCount = (found: readonly RecordRun[]): number =>
  found.reduce((sum, { kind, count }) => sum + (kind === 'over' ? count : 0), 0);

/** `kind patient/id version`, ordered; those that are over are counted alone. */
function listed(found: readonly FoundRun[]): readonly string[] {
  return found
    .filter(({ kind }) => kind !== 'over')
    .flatMap(({ kind, patientId, version, ids }) => ids.map((id) => `${kind} ${patientId}/${id} ${version}`))
    .sort();
}

/** The same of the records one by one, which are asked for another way. */
async function oneByOne(query: Partial<RunQuery>): Promise<{ listed: readonly string[]; over: number; bytes: number }> {
  const { unmarked, ...rest } = { ...QUERY, ...query };
  const told = { listed: [] as string[], over: 0, bytes: 0 };
  for await (const batch of at.store.recordsOfType('Goal', rest)) {
    for (const { id, patientId, version, marks, size, stampSize } of batch) {
      const isShort = size <= RUN_RECORD_BYTES;
      const kind = isUnmarked(marks, unmarked) && isShort ? 'unmarked' : 'rest';
      if (isOver(marks, unmarked)) told.over++;
      else told.listed.push(`${kind} ${patientId} ${id}`.replace(/ (\S+)$/, `/$1 ${version}`));
      if (kind === 'unmarked' && !isOver(marks, unmarked)) told.bytes += size + stampSize + 1;
    }
  }
  return { ...told, listed: told.listed.sort() };
}

/** Every patient has one of each kind; some change, go, come to another patient and back, are imported or only staged. */
beforeAll(async () => {
  for (const patient of PATIENTS) {
    await at.store.write(
      KINDS.map((more, kind) => {
        const id = `${patient}-${kind}`;
        return { kind: 'update', type: 'Goal', id, text: textOf(id, patient, more) };
      }),
    );
  }
  early = await at.store.freeze();
  await write('p0-0', 'p0', ',"statusReason":"changed"');
  await write('p1-0', 'p2');
  await write('p3-0', 'elsewhere');
  await write('p4-0', 'elsewhere');
  await write('p4-0', 'p4', ',"statusReason":"back"');
  await at.store.write([{ kind: 'delete', type: 'Goal', id: 'p5-0' }]);
  const imported = { published: ['i-a', 'p6-0'], staged: ['i-b', 'p7-0'], overtaken: ['p10-0'] };
  for (const [exchange, ids] of Object.entries(imported)) {
    await openExchange(at.pool, exchange, 'local');
    const rows = ids.map((id) => rowOf(textOf(id, 'p6', KINDS[0]), 'p6'));
    const evidence = { ...rowOf(textOf(`${exchange}-e`, 'p6'), 'p6'), evidence: true };
    await at.store.importBatch(batchOf(exchange, [...rows, evidence]));
  }
  await at.store.publish('published', undefined);
  // Its publication is older than this version, and shows later.
  await write('p10-0', 'p10', ',"statusReason":"changed"');
  await at.store.publish('overtaken', undefined);
  await forgetMarks(at.pool, 'Goal', 'p8');
  late = await at.store.freeze();
});

describe('runs of records', () => {
  const queries: Readonly<Record<string, () => Partial<RunQuery>>> = {
    now: () => ({}),
    'as of an instant in between': () => ({ asOf: early }),
    'of what has changed since': () => ({ asOf: late, since: early }),
    'of imported ones': () => ({ origin: 'imported' }),
    'of native ones': () => ({ origin: 'native' }),
    'of some patients': () => ({ patientIds: ['p2', 'p4', 'p4', 'p6'] }),
    'for operators': () => ({ unmarked: FOR_OPERATORS }),
    'in one run each': () => ({ recordsPerRun: 1 }),
    'of nobody': () => ({ patientIds: [] }),
  };

  it.each(Object.keys(queries))('are of the same versions, and as long, as these one by one: %s', async (name) => {
    const query = queries[name]?.() ?? {};
    const [found, expected] = [await runs(query), await oneByOne(query)];
    expect(listed(found)).toEqual(expected.listed);
    expect(withheldCount(found)).toBe(expected.over);
    const unmarked = found.filter(({ kind }) => kind === 'unmarked');
    expect(unmarked.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(expected.bytes);
    expect(found.every(({ count, ids }) => ids.length === count)).toBe(true);
  });

  it('hold what is there: changed, moved, back again and imported records, none that is gone, staged, evidence or elsewhere', async () => {
    const found = listed(await runs()).map((each) => each.replace(/ \d+$/, ''));
    expect(found).toEqual(expect.arrayContaining(['unmarked p2/p1-0', 'unmarked p4/p4-0', 'unmarked p6/i-a']));
    expect(found.filter((each) => /\/(p1-0|p3-0|p5-0|i-b|\w+-e)$/.test(each))).toEqual(['unmarked p2/p1-0']);
    expect(found).toContain('rest p8/p8-0');
    expect(new Set(found).size).toBe(found.length);
  });

  it('are no longer than asked for', async () => {
    const found = await runs({ recordsPerRun: 2, unmarked: FOR_OPERATORS });
    expect(Math.max(...found.map(({ count }) => count))).toBe(2);
  });

  it('tell what goes along with the unmarked ones', async () => {
    const found = await runs({ patientIds: ['p9'] });
    expect(found.flatMap(({ kind, sharedReferences }) => (sharedReferences === undefined ? [] : [kind]))).toEqual([
      'unmarked',
    ]);
    expect(found.find(({ kind }) => kind === 'unmarked')?.sharedReferences).toBe('Practitioner/d');
  });
});

describe('the records of runs', () => {
  it('are those versions, also of former ones, with the texts of those that have to be read', async () => {
    const found = (await runs({ asOf: early })).filter(({ kind }) => kind !== 'over');
    const read: string[] = [];
    for await (const batch of at.store.recordsOfRuns('Goal', found, PARTNER)) {
      for (const { id, patientId, version, isUnread, storedText } of batch) {
        if (!isUnread)
          expect(JSON.parse(storedText)).toMatchObject({ id, subject: { reference: `Patient/${patientId}` } });
        read.push(`${patientId}/${id} ${version}`);
      }
    }
    expect(read.sort()).toEqual(
      listed(found)
        .map((each) => each.replace(/^\S+ /, ''))
        .sort(),
    );
  });
});
