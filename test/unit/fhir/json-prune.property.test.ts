import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pruneJson } from '../../../fhir/json-prune.ts';
import type { PruningRule } from '../../../fhir/json-prune.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonRecord = Readonly<Record<string, Json>>;

const MASK = { masked: true };
/** `out` goes, `mask` is put another in the place of, an object that says so goes from wherever it stands. */
const rule: PruningRule = (path, value) => {
  const key = path.at(-1);
  if (key === 'out' || (isJsonRecord(value) && value['gone'] !== undefined)) return 'remove';
  return key === 'mask' && path.length > 1 ? { json: JSON.stringify(MASK) } : 'keep';
};

const isJsonRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same of what is parsed; undefined where the value goes. */
function pruned(value: Json, path: readonly string[]): Json | undefined {
  const pruning = rule(path, value);
  if (pruning === 'remove') return undefined;
  if (pruning !== 'keep') return MASK;
  return isJsonRecord(value) ? prunedObject(value, path) : value;
}

function prunedObject(value: JsonRecord, path: readonly string[]): Json {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, child]): [string, Json][] => {
      const at = [...path, key];
      if (!Array.isArray(child)) {
        const left = pruned(child, at);
        return left === undefined ? [] : [[key, left]];
      }
      const elements = (child as readonly Json[]).flatMap((each) => pruned(each, at) ?? []);
      return elements.length === 0 && child.length > 0 ? [] : [[key, elements]];
    }),
  );
}

const key = fc.constantFrom('a', 'b', 'out', 'mask', 'gone', 'quo"te\\', 'é');
const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constantFrom('', '"', '\\', '}],{[', 'é\u{1f600}', '\n'));
const { root } = fc.letrec<{ root: JsonRecord; value: Json }>((tie) => ({
  root: fc.dictionary(key, tie('value'), { maxKeys: 5 }),
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(fc.oneof(leaf, tie('root')), { maxLength: 4 }),
    tie('root'),
  ),
}));

describe('pruning of JSON', () => {
  it('takes out of the text what it would of the value, and nothing else', () => {
    fc.assert(
      fc.property(root, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        expect(JSON.parse(pruneJson(text, value, rule))).toEqual(prunedObject(value, []));
      }),
      { numRuns: 500 },
    );
  });

  it('leaves digits, escapes and white space of what stays', () => {
    const text = '{ "a" : 1.50,"out":[1,2], "b":[ {"gone":1} , {"c":"\\u00e9\\/", "out":{}}, {"gone":2} ]\n}';
    expect(pruneJson(text, JSON.parse(text), rule)).toBe('{ "a" : 1.50,"b":[ {"c":"\\u00e9\\/"} ]\n}');
  });
});
