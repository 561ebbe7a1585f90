import path from 'node:path';
import { readFileSync } from 'node:fs';
import { startChild } from '../../embedded/child.ts';
import { projectRoot } from '../../embedded/project-root.ts';
import { StartError } from '../../embedded/start-error.ts';
import type { Servers } from '../servers.ts';

/** `npm run load`, as an operator starts it, to its end. */
export async function loadFiles(
  { folder, children }: Servers,
  {
    name,
    databaseUrl,
    files,
  }: { readonly name: string; readonly databaseUrl: string; readonly files: readonly string[] },
): Promise<void> {
  const logFile = path.join(folder, `${name}.log`);
  const child = startChild({
    command: process.execPath,
    args: [path.join(projectRoot(), 'cli', 'run.mjs'), 'load', ...files],
    env: { HOME: folder, DATABASE_URL: databaseUrl, DATA_DIR: path.join(folder, name) },
    ...{ logFile, stopSignal: 'TERM', graceSeconds: 10 },
  });
  children.add(child);
  const code = await child.exited;
  children.delete(child);
  if (code !== 0) throw new StartError(`Records were not loaded:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
}
