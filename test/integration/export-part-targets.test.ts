import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ExportPart, PartRun } from '../../store/export-part.ts';
import { createExportPartStore } from '../../store/export-parts.ts';
import type { ExportPartStore } from '../../store/export-parts.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { useStore } from '../support/fhir-stores.ts';

const OF = { jobId: 'job', type: 'Goal' };

const at = useStore(createPostgresFhirStore);
let parts: ExportPartStore;

beforeAll(() => {
  parts = createExportPartStore(at.pool);
});

function partOf(offset: number, targets: string, runs: readonly PartRun[] = []): ExportPart {
  return { offset, bytes: 2, runs, names: [], kept: Buffer.from('k\n'), targets };
}

async function told(numbers: readonly number[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const some of parts.targets(OF, numbers)) lines.push(...some);
  return lines;
}

describe('of whom the lines of a file are', () => {
  it('is told of runs by their ids, or by their page and how long these are, and of kept lines', async () => {
    const run = { memberId: 'ann', page: undefined, version: 1n, records: 'g2 g3', count: 2, idBytes: 4 };
    const onPage = { ...run, page: 7n, records: '1 5' };
    const runs = [run, { ...run, memberId: undefined }, onPage, { ...onPage, records: '' }];
    await parts.append({ ...OF, number: 1 }, [partOf(0, 'ann\tg4\nbob\tg5 g6\n', runs)]);
    expect(await told([1])).toEqual([
      ...['ann\tg2 g3', 'ann\t7\t1 5\t2\t4', 'ann\t7\t\t2\t4', 'ann\tg4', 'bob\tg5 g6'],
    ]);
  });

  it('is told of several files in the order of their numbers, however many parts they have', async () => {
    const PARTS = 60;
    const lineOf = (number: number, n: number): string => `f${number}\tg${n}`;
    const places = Array.from({ length: PARTS }, (_, n) => n);
    for (const number of [9, 8, 7]) {
      const all = places.map((n) => partOf(2 * n, `${lineOf(number, n)}\n`));
      await parts.append({ ...OF, number }, all);
    }
    expect(await told([9, 7])).toEqual([7, 9].flatMap((number) => places.map((n) => lineOf(number, n))));
  });
});
