import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../..');

interface Import {
  /** Relative to the project. */
  readonly from: string;
  readonly specifier: string;
  /** Of a relative import: relative to the project. */
  readonly target: string | undefined;
  readonly typeOnly: boolean;
  /** By `import()`, when it is reached. */
  readonly isLate: boolean;
  /** Imported by name, types left out. */
  readonly names: readonly string[];
}

type Rule = (imported: Import) => boolean;
const anyOf =
  (...rules: readonly Rule[]): Rule =>
  (imported) =>
    rules.some((rule) => rule(imported));
const within =
  (...folders: readonly string[]): Rule =>
  ({ target = '' }) =>
    folders.some((folder) => target === folder || target.startsWith(`${folder}/`));
const typesOf =
  (...folders: readonly string[]): Rule =>
  (imported) =>
    imported.typeOnly && within(...folders)(imported);

/** Everyone may name the types of configuration, log and sealing: they are parameters. */
const parameters = typesOf('config.ts', 'config-file.ts', 'logger.ts', 'seal.ts');

/**
 * Of a folder the interfaces: types from anywhere in it; from its top level also the constants and pure functions that
 * belong to an interface. What makes an implementation (`create…`, `connect…`) is called by entry points alone.
 */
const interfacesOf =
  (folder: string): Rule =>
  (imported) =>
    typesOf(folder)(imported) ||
    (path.posix.dirname(imported.target ?? '') === folder &&
      imported.names.every((name) => !/^(create|connect|open|start)[A-Z]/.test(name)));
const contract = within('workflows/contract.ts');

/** Who may import whom, as `docs/architecture.md` has it; a folder may always import itself. */
const RULES: Readonly<Record<string, Rule>> = {
  fhir: () => false,
  workflows: anyOf(within('fhir'), typesOf('activities')),
  peer: anyOf(within('fhir'), parameters),
  store: anyOf(within('fhir', 'prisma/generated'), parameters),
  activities: anyOf(within('fhir'), interfacesOf('store'), interfacesOf('peer'), contract, parameters),
  temporal: anyOf(contract, parameters),
  threads: anyOf(within('fhir', 'activities'), interfacesOf('store')),
  api: anyOf(within('fhir', 'temporal'), interfacesOf('store'), contract, parameters),
};

function sourceFiles(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => path.posix.join(folder, file));
}

function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const source = ts.createSourceFile(file, readFileSync(path.join(root, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const add = (specifier: string, typeOnly: boolean, names: readonly string[] = [], isLate = false): void => {
    const target = specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : undefined;
    found.push({ from: file, specifier, target, typeOnly, isLate, names });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      add(
        node.moduleSpecifier.text,
        node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
        namesOf(node.importClause),
      );
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      add(node.moduleSpecifier.text, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      if (specifier && ts.isStringLiteral(specifier)) add(specifier.text, false, [], true);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) add(node.argument.literal.text, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function namesOf(clause: ts.ImportClause | undefined): string[] {
  const bindings = clause?.namedBindings;
  if (bindings === undefined || !ts.isNamedImports(bindings)) return [];
  return bindings.elements
    .filter(({ isTypeOnly }) => !isTypeOnly)
    .map(({ name, propertyName }) => (propertyName ?? name).text);
}

const FOLDERS = [...Object.keys(RULES), 'embedded', 'cli'];
const rootFiles = readdirSync(root).filter((file) => file.endsWith('.ts'));
const all = new Map<string, Import[]>();

beforeAll(() => {
  for (const file of [...rootFiles, ...FOLDERS.flatMap(sourceFiles)]) all.set(file, importsOf(file));
});

/** All that is in memory once these files are: their imports, and those of what they import. */
function loadedBy(...files: readonly string[]): Import[] {
  const loaded = new Set<string>();
  const visit = (file: string): Import[] => {
    if (loaded.has(file)) return [];
    loaded.add(file);
    const imports = (all.get(file) ?? []).filter(({ typeOnly, isLate }) => !typeOnly && !isLate);
    return imports.flatMap((imported) => [imported, ...(imported.target ? visit(imported.target) : [])]);
  };
  return files.flatMap(visit);
}

const say = ({ from, specifier }: Import): string => `${from} imports ${specifier}`;

describe('who may import whom', () => {
  it.each(Object.entries(RULES))('%s imports nothing but what the table allows', (folder, isAllowed) => {
    const wrong = [...all.entries()]
      .filter(([file]) => file.startsWith(`${folder}/`))
      .flatMap(([, imports]) => imports)
      .filter((imported) => imported.target !== undefined && !within(folder)(imported) && !isAllowed(imported));
    expect(wrong.map(say)).toEqual([]);
  });

  it('api never imports activities, not even a type', () => {
    const wrong = [...all.entries()]
      .filter(([file]) => file.startsWith('api/'))
      .flatMap(([, imports]) => imports)
      .filter(within('activities'));
    expect(wrong.map(say)).toEqual([]);
  });

  it('fhir has no I/O: of Node it imports hashing and what bytes are, alone', () => {
    const wrong = [...all.entries()]
      .filter(([file]) => file.startsWith('fhir/'))
      .flatMap(([, imports]) => imports)
      .filter(({ specifier }) => specifier.startsWith('node:') && !['node:crypto', 'node:buffer'].includes(specifier));
    expect(wrong.map(say)).toEqual([]);
  });

  it('fhir has no clock and no randomness', () => {
    const wrong = sourceFiles('fhir').filter((file) =>
      /\bDate\.now\(|new Date\(\)|Math\.random|randomBytes|randomUUID/.test(
        readFileSync(path.join(root, file), 'utf8'),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('the workflows import no library but that of workflows', () => {
    const wrong = [...all.entries()]
      .filter(([file]) => file.startsWith('workflows/'))
      .flatMap(([, imports]) => imports)
      .filter(
        ({ target, typeOnly, specifier }) => target === undefined && !typeOnly && specifier !== '@temporalio/workflow',
      );
    expect(wrong.map(say)).toEqual([]);
  });
});

describe('what a process has in memory', () => {
  it('is in a worker nothing of the API', () => {
    const loaded = loadedBy('cli/worker.ts', 'cli/start-workers.ts');
    expect(loaded.map(say)).toContain('worker.ts imports @temporalio/worker');
    expect(loaded.filter(within('api')).map(say)).toEqual([]);
  });

  it('is in an API nothing of the worker', () => {
    const loaded = loadedBy('cli/api.ts', 'cli/start-apis.ts');
    expect(loaded.some(within('api'))).toBe(true);
    expect(loaded.filter(({ specifier }) => specifier === '@temporalio/worker').map(say)).toEqual([]);
  });

  it('is in a thread of imports no library, and nothing that reaches a server', () => {
    const loaded = loadedBy('threads/import-thread.ts');
    expect(loaded.some(within('fhir'))).toBe(true);
    const libraries = loaded.filter(({ target, specifier }) => target === undefined && !specifier.startsWith('node:'));
    expect([...libraries, ...loaded.filter(within('store/postgres', 'peer', 'temporal'))].map(say)).toEqual([]);
  });
});

describe('every source file', () => {
  it('reads the environment nowhere but in config.ts', () => {
    const wrong = [...all.keys()].filter(
      (file) => file !== 'config.ts' && readFileSync(path.join(root, file), 'utf8').includes('process.env'),
    );
    expect(wrong).toEqual([]);
  });

  it('imports files that are there, by their whole name', () => {
    const wrong = [...all.values()]
      .flat()
      .filter(({ target }) => target !== undefined && !existsSync(path.join(root, target)));
    expect(wrong.map(say)).toEqual([]);
  });

  it('is at most 300 lines long', () => {
    const wrong = [...all.keys()].filter(
      (file) => readFileSync(path.join(root, file), 'utf8').split('\n').length > 301,
    );
    expect(wrong).toEqual([]);
  });
});
