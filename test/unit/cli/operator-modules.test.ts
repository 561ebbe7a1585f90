import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadOperatorModules } from '../../../cli/operator-modules.ts';
import { ConfigError } from '../../../config-problems.ts';
import { loadConfig } from '../../../config.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-modules-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function load(key: 'consent' | 'matching', name: string, content: string) {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return loadOperatorModules(loadConfig({}, () => JSON.stringify({ [key]: { module: file } })).file);
}

const problemsOf = async (loading: Promise<unknown>): Promise<readonly string[]> => {
  try {
    await loading;
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

const REQUEST = { consent: undefined, clientId: 'c', caller: 'operator' } as const;
const RESOURCE = { resourceType: 'Observation', id: 'o' };
const POSTED = { patient: {}, coverage: {}, consent: {}, coverageToLink: undefined };
const OFFERED = [{ id: 'ann', patient: {}, coverages: [] }];

describe('a consent module', () => {
  it.each<[string, string, string]>([
    ['an ES module by default', 'a.mjs', 'export default () => "reject";'],
    ['an ES module by name', 'b.mjs', 'export async function consentWillSeeResource() { return "reject"; }'],
    ['a CommonJS module', 'c.cjs', 'module.exports = () => "reject";'],
    ['a CommonJS module by name', 'd.cjs', 'exports.consentWillSeeResource = () => Promise.resolve("reject");'],
    ['an object by default', 'e.mjs', 'export default { consentWillSeeResource: () => "reject" };'],
  ])('may be %s', async (_form, name, content) => {
    const { seeResource } = await load('consent', name, content);
    expect(await seeResource?.(REQUEST, RESOURCE)).toBe('reject');
  });

  it('may mask a resource', async () => {
    const { seeResource } = await load('consent', 'mask.mjs', 'export default (_, { id }) => ({ masked: id });');
    expect(await seeResource?.(REQUEST, RESOURCE)).toEqual({ masked: 'o' });
  });

  it.each(['true', 'undefined', '"maybe"', '["proceed"]'])('fails when it answers %s', async (answer) => {
    const { seeResource } = await load('consent', `answer-${Math.random()}.mjs`, `export default () => ${answer};`);
    await expect(seeResource?.(REQUEST, RESOURCE)).rejects.toThrow(TypeError);
  });

  it.each<[string, string, string]>([
    ['has no function', 'none.mjs', 'export const other = 1;'],
    ['is no JavaScript', 'broken.mjs', 'export default ((;'],
    ['throws when it is loaded', 'throws.mjs', 'throw new Error("a secret of the module");'],
  ])('that %s stops the start with a sentence', async (_fault, name, content) => {
    const problems = await problemsOf(load('consent', name, content));
    expect(problems).toEqual([
      expect.stringMatching(/^CONFIG_FILE: consent\.module is ".*"; accepted: .*consentWillSeeResource/),
    ]);
    expect(problems.join()).not.toContain('a secret');
  });
});

describe('a matching module', () => {
  it.each([
    ['"ann"', 'ann'],
    ['undefined', undefined],
    ['"ambiguous"', 'ambiguous'],
  ])('answers %s', async (answer, expected) => {
    const { match } = await load('matching', `match-${String(expected)}.cjs`, `exports.match = () => ${answer};`);
    expect(await match?.(POSTED, OFFERED)).toBe(expected);
  });

  it('fails when it answers what is no id', async () => {
    const { match } = await load('matching', 'no-id.mjs', 'export default (_, [first]) => first;');
    await expect(match?.(POSTED, OFFERED)).rejects.toThrow(TypeError);
  });

  it('that is not there stops the start, together with all else that is wrong', async () => {
    const modules = { matching: { module: '/nowhere/m.js' }, consent: { module: '/nowhere/c.js' } };
    const problems = await problemsOf(loadOperatorModules(loadConfig({}, () => JSON.stringify(modules)).file));
    expect(problems).toEqual([
      expect.stringContaining('consent.module is "/nowhere/c.js"'),
      expect.stringContaining('matching.module is "/nowhere/m.js"'),
    ]);
  });
});

describe('without modules', () => {
  it('nothing is decided by one', async () => {
    expect(await loadOperatorModules(loadConfig({}, () => '{}').file)).toEqual({
      seeResource: undefined,
      match: undefined,
    });
  });
});
