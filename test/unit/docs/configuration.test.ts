import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { fileSchema } from '../../../config-file.ts';
import { loadConfig } from '../../../config.ts';
import { readDocument, section, tableRows } from './tables.ts';

const document = readDocument('docs/configuration.md');

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly default?: unknown;
}

// No key of the file is a boolean schema, which the library's type also has.
const schema = z.toJSONSchema(fileSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

type Keys = readonly (readonly [string, JsonSchema])[];

const ownKeys = ({ properties = {} }: JsonSchema): Keys => Object.entries(properties);
const withNested = (keys: Keys): Keys =>
  keys.flatMap(([name, key]) => [
    [name, key] as const,
    ...ownKeys(key).map(([inner, value]) => [`${name}.${inner}`, value] as const),
  ]);
const itemOf = (list: string): JsonSchema => schema.properties?.[list]?.items ?? {};

const names = (rows: readonly string[][]): (string | undefined)[] => rows.map(([name]) => name).sort();

/** Defaults that are one value stand in the table as they are. */
function wrongDefaults(rows: readonly string[][], keys: Keys): string[] {
  return keys.flatMap(([name, key]) => {
    const { default: value } = key;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return [];
    const shown = rows.find(([row]) => row === name)?.[1];
    return shown === `\`${String(value)}\`` ? [] : [`${name}: ${String(value)}, not ${shown ?? 'nothing'}`];
  });
}

describe('docs/configuration.md', () => {
  it('has every variable that the program reads, and no other', () => {
    const read = readDocument('config.ts').matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)'/g);
    const documented = tableRows(section(document, '## Variables'));
    expect(names(documented)).toEqual([...new Set([...read].map(([, name]) => name))].sort());
  });

  it('has every key of the file, and no other', () => {
    const rows = tableRows(section(document, '## Configuration file'));
    const keys = withNested(ownKeys(schema));
    expect(rows.map(([name]) => name)).toEqual(expect.arrayContaining(Object.keys(fileSchema.shape)));
    expect(names(rows)).toEqual(keys.map(([name]) => name).sort());
    expect(wrongDefaults(rows, keys)).toEqual([]);
  });

  it.each(['oidcServers', 'oidcClients'])('has every field of %s, and no other', (list) => {
    const rows = tableRows(section(document, `### ${list}[]`));
    const keys = ownKeys(itemOf(list));
    expect(names(rows)).toEqual(keys.map(([name]) => name).sort());
    expect(wrongDefaults(rows, keys)).toEqual([]);
    const required = rows.filter(([, shown]) => shown === 'required');
    expect(names(required)).toEqual([...(itemOf(list).required ?? [])].sort());
  });

  it('marks what this version cannot honour, and nothing else', () => {
    const refused = readDocument('config-unbuilt.ts').matchAll(/refuse\('(?:CONFIG_FILE: )?([\w.]+)'/g);
    const rows = ['## Variables', '## Configuration file'].flatMap((heading) => tableRows(section(document, heading)));
    const marked = rows.filter((cells) => cells.some((cell) => cell.includes('**Not yet:**')));
    expect(names(marked)).toEqual([...refused].map(([, name]) => name).sort());
  });

  it.each(['README.md', 'docs/configuration.md'])('has, with %s, an example that the program takes', (file) => {
    const [, example] = /```json\n([\s\S]*?)```/.exec(readDocument(file)) ?? [];
    expect(() => loadConfig({}, () => example)).not.toThrow();
    expect(loadConfig({}, () => example).file.organizations).not.toEqual([]);
  });
});
