import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../config-problems.ts';
import { assertBuilt } from '../../config-unbuilt.ts';
import { loadConfig } from '../../config.ts';

const problemsOf = (environment: Record<string, string>, file: object): readonly string[] => {
  const config = loadConfig({ CONFIG_FILE: 'c.json', ...environment }, () => JSON.stringify(file));
  try {
    assertBuilt(config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

describe('a setting that this version cannot honour', () => {
  it.each<[string, Record<string, string>, object]>([['FHIR_STORE', { FHIR_STORE: 'http://127.0.0.1/fhir' }, {}]])(
    '(%s) stops the start',
    (name, environment, file) => {
      expect(problemsOf(environment, file)).toEqual([expect.stringContaining(name)]);
    },
  );

  it('is none of the defaults', () => {
    expect(problemsOf({}, {})).toEqual([]);
  });
});
