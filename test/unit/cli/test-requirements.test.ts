import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exitCodeOf, testRequirements } from '../../../cli/test-requirements.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-data-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const withData = (): void => {
  for (const name of ['synthea-ma', 'ig-packages']) mkdirSync(path.join(folder, name));
};

/** What is missing on a machine with these programs, or with all: `project kind`. */
async function missingOn(hasPrograms: boolean): Promise<string[]> {
  const machine = { dataFolder: folder, succeeds: () => Promise.resolve(hasPrograms) };
  const found: string[] = [];
  for (const { project, missing } of testRequirements(machine)) {
    const reason = await missing();
    if (reason !== undefined) found.push(`${project} ${reason.kind}`);
  }
  return found;
}

describe('tests that need more than the repository', () => {
  it('are named by their folder', () => {
    const named = testRequirements({ dataFolder: folder, succeeds: () => Promise.resolve(true) });
    expect(named.filter(({ project }) => !existsSync(path.join('test', project)))).toEqual([]);
  });

  it('run where everything is there', async () => {
    withData();
    expect(await missingOn(true)).toEqual([]);
  });

  it('miss data where the folder beside the repository is absent', async () => {
    expect(await missingOn(true)).toEqual(['samples data', 'validator data']);
  });

  it('miss programs where none is installed, whether or not the data is there', async () => {
    const programs = ['browser program', 'hapi program', 'validator program', 'clients program'];
    expect((await missingOn(false)).filter((each) => each.endsWith('program'))).toEqual(programs);
    withData();
    expect(await missingOn(false)).toEqual(programs);
  });
});

describe('a run of the tests', () => {
  it.each([
    ['whose tests failed', 3, [], 3],
    ['that was killed', null, [], 1],
    ['without a program that is required', 0, ['program'], 1],
    ['without data of others', 0, ['data'], 0],
    ['without either', 0, ['data', 'program'], 1],
    ['with everything', 0, [], 0],
  ] as const)('%s ends so where programs are required', (_name, ran, kinds, code) => {
    const left = kinds.map((kind) => ({ kind }));
    expect(exitCodeOf(ran, left, true)).toBe(code);
  });

  it('ends as its tests did where a program may be missing', () => {
    expect(exitCodeOf(0, [{ kind: 'program' }], false)).toBe(0);
  });
});
