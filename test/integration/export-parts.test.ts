import { beforeAll, describe, expect, it } from '@jest/globals';
import { createExportPartStore } from '../../store/export-parts.ts';
import { NAMES_PLACE } from '../../store/export-part.ts';
import type { ExportFileKey, ExportPart, NamedRun, PartRun } from '../../store/export-part.ts';
import type { ExportPartStore } from '../../store/export-parts.ts';
import type { StoredResource } from '../../store/fhir-store.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/fhir-stores.ts';

const RECORDS = 7;
const GOAL = { jobId: 'job', type: 'Goal', number: 0 };
const goal = (id: string, text: string): string =>
  `{"resourceType":"Goal","id":"${id}","meta":{"profile":["urn:é"]},"description":{"text":"${text}"}}`;

const at = useStore(createPostgresFhirStore);
let parts: ExportPartStore;
/** As a download has to give it. */
let file: Buffer;
let boundaries: readonly number[];

async function bytesOf(key: ExportFileKey, start: number, end: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of parts.read(key, start, end)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The parts that a reading runs ahead are there. */
const untilRead = (): Promise<true> =>
  eventually(() => (at.pool.idleCount === at.pool.totalCount ? true : undefined), 'a part read ahead');

async function stored(id: string): Promise<StoredResource> {
  const record = await at.store.read('Goal', id);
  if (record === undefined) throw new Error(id);
  return record;
}

/** Of one publication, by their ids. */
function runOf(records: readonly StoredResource[]): PartRun {
  const ids = records.map(({ id }) => id).join(' ');
  const sizes = { count: records.length, idBytes: ids.replaceAll(' ', '').length };
  const version = BigInt(records[0]?.versionId ?? 0);
  return { memberId: undefined, page: undefined, version, records: ids, ...sizes };
}

interface Lines {
  readonly stored?: readonly StoredResource[];
  readonly kept?: readonly string[];
}

/** `runs`: of the stored ones; without it one each. */
function partOf(
  offset: number,
  { stored = [], kept = [] }: Lines,
  runs = stored.map((each) => runOf([each])),
): ExportPart & { readonly rendered: Buffer } {
  const rendered = Buffer.from([...stored.map(({ text }) => text), ...kept].map((line) => `${line}\n`).join(''));
  const keptBytes = Buffer.from(kept.map((line) => `${line}\n`).join(''));
  return { offset, bytes: rendered.length, runs, names: [], kept: keptBytes, targets: '', rendered };
}

async function append(key: ExportFileKey, offset: number, lines: Lines): Promise<Buffer> {
  const part = partOf(offset, lines);
  await parts.append(key, [part]);
  return part.rendered;
}

/** The first part by itself, the others at once. */
async function writeFile(key: ExportFileKey, [first = {}, ...others]: readonly Lines[]): Promise<Buffer> {
  let file = await append(key, 0, first);
  const rest: ExportPart[] = [];
  for (const lines of others) {
    const part = partOf(file.length, lines);
    rest.push(part);
    file = Buffer.concat([file, part.rendered]);
  }
  await parts.append(key, rest);
  return file;
}

beforeAll(async () => {
  parts = createExportPartStore(at.pool);
  for (let n = 0; n < RECORDS; n++) {
    await at.store.write([{ kind: 'create', type: 'Goal', id: `g${n}`, text: goal(`g${n}`, 'née') }]);
  }
  const records = await Promise.all(Array.from({ length: RECORDS }, (_, n) => stored(`g${n}`)));
  const kept = (text: string): string => goal('kept', text);
  const lines = [
    { stored: records.slice(0, 2).reverse(), kept: [kept('of its own'), kept('twice'), kept('in a row')] },
    { kept: [kept('a part that'), kept('keeps all of its lines')] },
    { stored: records.slice(2) },
  ];
  file = await writeFile(GOAL, lines);
  const ends: number[] = [];
  for (const line of file.toString('latin1').split('\n').slice(0, -1)) ends.push((ends.at(-1) ?? 0) + line.length + 1);
  boundaries = [0, ...ends];
});

describe('an exported file', () => {
  it('is of stored versions, run after run, and of kept lines behind them', async () => {
    expect((await bytesOf(GOAL, 0, file.length)).toString()).toBe(file.toString());
  });

  it('comes in ranges that begin and end anywhere', async () => {
    const places = [...new Set(boundaries.flatMap((place) => [place - 30, place - 1, place, place + 1, place + 50]))];
    const inside = places.filter((place) => place >= 0 && place <= file.length);
    for (const start of inside) {
      for (const end of inside.filter((place) => place >= start)) {
        const bytes = await bytesOf(GOAL, start, end);
        expect([start, end, bytes.equals(file.subarray(start, end))]).toEqual([start, end, true]);
      }
    }
  });

  it('stays the same when its records have changed and gone', async () => {
    await at.store.write([{ kind: 'update', type: 'Goal', id: 'g0', text: goal('g0', 'another') }]);
    await at.store.write([{ kind: 'delete', type: 'Goal', id: 'g1' }]);
    expect((await bytesOf(GOAL, 0, file.length)).toString()).toBe(file.toString());
  });

  it('leaves each chunk as it is until the next one is asked for, beside other readings', async () => {
    const key = { ...GOAL, number: 4 };
    const [goals, kept] = [await Promise.all(['g2', 'g3', 'g4', 'g5', 'g6'].map(stored)), [...'abcde']];
    const one = await writeFile(
      { ...key, number: 4 },
      goals.map((each) => ({ stored: [each], kept: [each.id] })),
    );
    const two = await writeFile(
      { ...key, number: 5 },
      kept.map((letter) => ({ kept: [letter.repeat(200)] })),
    );
    const readings = [one, two, one].map((whole, index) => ({
      ...{ whole, at: 0, memory: new Set<unknown>() },
      chunks: parts.read({ ...key, number: index === 1 ? 5 : 4 }, 0, whole.length)[Symbol.asyncIterator](),
    }));
    for (let n = 0; n < 5; n++) {
      const given = await Promise.all(readings.map(({ chunks }) => chunks.next()));
      await untilRead();
      for (const [index, reading] of readings.entries()) {
        const chunk = given[index]?.value as Buffer;
        expect(chunk.toString()).toBe(reading.whole.subarray(reading.at, reading.at + chunk.length).toString());
        reading.at += chunk.length;
        reading.memory.add(chunk.buffer);
      }
    }
    expect(readings.map((reading) => reading.whole.length - reading.at)).toEqual([0, 0, 0]);
    expect(new Set(readings.flatMap(({ memory }) => [...memory])).size).toBe(2 * readings.length);
  });

  it('goes on only where it ends', async () => {
    for (const offset of [0, file.length - 1, file.length + 1]) {
      await expect(append(GOAL, offset, { kept: ['late'] })).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect((await bytesOf(GOAL, 0, file.length)).equals(file)).toBe(true);
  });

  it('breaks off where a version is not there, instead of leaving it out', async () => {
    const key = { ...GOAL, number: 1 };
    const [g2, g3] = [await stored('g2'), await stored('g3')];
    const whole = await append(key, 0, { stored: [g2, { ...g3, versionId: '999999' }, g2] });
    await expect(bytesOf(key, 0, whole.length)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('has the lines of ids in their order', async () => {
    const key = { ...GOAL, type: 'Organization' };
    const ids = ['o-1', 'o-10', 'o-2', 'o-A', 'o-a'];
    const text = (id: string): string => `{"resourceType":"Organization","id":"${id}","meta":{"source":"urn:s"}}`;
    const created = await at.store.write(
      [...ids].reverse().map((id) => ({ kind: 'create' as const, type: 'Organization', id, text: text(id) })),
    );
    const records = created.map(({ resource }) => resource);
    const part = partOf(0, { stored: [...records].reverse() }, [runOf(records)]);
    await parts.append(key, [part]);
    expect((await bytesOf(key, 0, part.bytes)).toString()).toBe(part.rendered.toString());
  });

  it('breaks off where a part is not there', async () => {
    const key = { ...GOAL, number: 2 };
    const { length } = await writeFile(key, [{ kept: ['one'] }, { kept: ['two'] }, { kept: ['three'] }]);
    await at.pool.query('DELETE FROM export_part WHERE number = 2 AND "offset" = 4');
    await expect(bytesOf(key, 0, length)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(bytesOf(key, 5, length)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(bytesOf({ ...key, number: 3 }, 0, 1)).rejects.toMatchObject({ code: 'unavailable' });
    expect((await bytesOf(key, 8, length)).toString()).toBe('three\n');
  });

  it('goes with the others of its type, or of those behind it', async () => {
    const left = async (): Promise<readonly number[]> =>
      (await at.pool.query<{ number: number }>('SELECT DISTINCT number FROM export_part ORDER BY 1')).rows.map(
        ({ number }) => number,
      );
    await append({ ...GOAL, type: 'Task', number: 0 }, 0, { kept: ['{}'] });
    await append({ ...GOAL, number: 100 }, 0, { kept: ['{}'] });
    await parts.remove('job', { types: ['Goal', 'Other'], below: 100 });
    expect(await left()).toEqual([0, 100]);
    await parts.remove('job', { from: 100 });
    expect(await left()).toEqual([0]);
    await parts.remove('job', { from: 0 });
    expect(await left()).toEqual([]);
  });
});

describe('an exported file of records that stand on a page', () => {
  const key = (number: number): ExportFileKey => ({ ...GOAL, type: 'Observation', number });
  const text = (id: string): string =>
    `{"resourceType":"Observation","id":"${id}","meta":{"source":"urn:s"},"subject":{"reference":"Patient/a"}}`;
  /** In the order in which they were written, which is that of their rows. */
  let records: readonly StoredResource[];
  let page: bigint;

  const onPage = (rows: string): PartRun => ({
    ...{ memberId: 'a', page, version: BigInt(records[0]?.versionId ?? 0), records: rows, count: 2, idBytes: 6 },
  });

  beforeAll(async () => {
    const written = await at.store.write(
      ['o-2', 'o-1', 'o-a', 'o-A'].map((id) => ({ kind: 'create', type: 'Observation', id, text: text(id) })),
    );
    records = written.map(({ resource }) => resource);
    const { rows } = await at.pool.query<{ page_id: string }>(
      `SELECT DISTINCT page_id FROM resource WHERE type = 'Observation'`,
    );
    page = BigInt(rows[0]?.page_id ?? 0);
  });

  it('has all of its rows in their order', async () => {
    const part = partOf(0, { stored: records }, [onPage('')]);
    await parts.append(key(0), [part]);
    expect((await bytesOf(key(0), 0, part.bytes)).toString()).toBe(part.rendered.toString());
  });

  it('has those of its rows that are named', async () => {
    const [, second, , fourth] = records;
    const some = [second, fourth].filter((record) => record !== undefined);
    const part = partOf(0, { stored: some }, [onPage('1 3')]);
    await parts.append(key(1), [part]);
    expect((await bytesOf(key(1), 0, part.bytes)).toString()).toBe(part.rendered.toString());
  });

  it.each([
    ['a row', () => onPage('1 9')],
    ['the page', () => ({ ...onPage(''), page: page + 1000n })],
  ])('breaks off where %s is not there', async (name, run) => {
    const number = name === 'a row' ? 2 : 3;
    const part = partOf(0, { stored: records.slice(0, 2) }, [run()]);
    await parts.append(key(number), [part]);
    await expect(bytesOf(key(number), 0, part.bytes)).rejects.toMatchObject({ code: 'unavailable' });
  });

  describe('and are named by kept lines', () => {
    const naming = (number: number): ExportFileKey => ({ ...GOAL, type: 'Provenance', number });
    const [first, second] = ['{"target":[', ',{"reference":"Goal/é"},'];
    const lines = `${first}${NAMES_PLACE}${second}${NAMES_PLACE}]}\n{"target":[${NAMES_PLACE}]}\n`;
    const texts = (ids: readonly string[]): string => ids.map((id) => `{"reference":"Observation/${id}"}`).join(',');
    const rendered = (): Buffer =>
      Buffer.from(
        `${first}${texts(['o-1', 'o-A'])}${second}${texts(['o-2'])}]}\n{"target":[${texts(['o-2', 'o-1', 'o-a', 'o-A'])}]}\n`,
      );
    const named = (records: string): NamedRun => ({ type: 'Observation', page, records });
    const partNaming = (names: readonly NamedRun[]): ExportPart => ({
      ...{ offset: 0, bytes: rendered().length, runs: [], names, kept: Buffer.from(lines), targets: '' },
    });

    it('stand in the places that the lines have for them, in every range', async () => {
      await parts.append(naming(0), [partNaming([named('1 3'), named('0'), named('')])]);
      expect((await bytesOf(naming(0), 0, rendered().length)).toString()).toBe(rendered().toString());
      expect((await bytesOf(naming(0), 20, 90)).toString()).toBe(rendered().subarray(20, 90).toString());
    });

    it.each([
      [1, 'a row', () => [named('1 9'), named('0'), named('')]],
      [2, 'the page', () => [named('1 3'), named('0'), { ...named(''), page: page + 1000n }]],
      [3, 'a run', () => [named('1 3'), named('0')]],
      [4, 'a place', () => [named('1 3'), named('0'), named(''), named('')]],
    ])('break off where, in file %d, %s is not there', async (number, _, names) => {
      const key = naming(number);
      await parts.append(key, [partNaming(names())]);
      await expect(bytesOf(key, 0, rendered().length)).rejects.toMatchObject({ code: 'unavailable' });
    });
  });
});
