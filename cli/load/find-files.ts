import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { StartError } from '../../embedded/start-error.ts';

const LOADABLE = /\.(ndjson|jsonl|json)(\.gz)?$/i;

/**
 * The files that the arguments name: files as they are, folders with all that they hold. Patients come first and
 * Provenances last, whose compartment is that of their targets.
 *
 * @throws StartError naming what is not there or holds nothing to load
 */
export function findLoadFiles(names: readonly string[]): readonly string[] {
  const files = names.flatMap((name) => {
    const stats = statSync(name, { throwIfNoEntry: false });
    if (stats === undefined) throw new StartError(`${name}: no such file or folder.`);
    if (!stats.isDirectory()) return [name];
    const inside = readdirSync(name, { recursive: true, encoding: 'utf8' }).filter((file) => LOADABLE.test(file));
    if (inside.length === 0)
      throw new StartError(`${name}: holds no .ndjson, .jsonl or .json file, plain or with .gz.`);
    return inside.map((file) => path.join(name, file));
  });
  return [...new Set(files)].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

function rank(file: string): number {
  const name = path.basename(file);
  if (name.startsWith('Patient')) return 0;
  return name.startsWith('Provenance') ? 2 : 1;
}
