import { Pool } from 'pg';
import { loadProcessConfig } from '../config.ts';
import { migrate } from '../embedded/migrate.ts';
import { StartError } from '../embedded/start-error.ts';
import { loadFiles } from '../store/postgres/load.ts';
import { fail } from './fail.ts';
import { openLoadDatabase } from './load/database.ts';
import { findLoadFiles } from './load/find-files.ts';
import { createProgress, resultLines } from './load/progress.ts';

/** Loads NDJSON and Bundle files into the store of this DATA_DIR or DATABASE_URL. */
async function main(): Promise<void> {
  const names = process.argv.slice(2);
  if (names.length === 0) throw new StartError('Which files? npm run load -- DIR|FILE…');
  const files = findLoadFiles(names);
  const config = loadProcessConfig();
  if (config.fhirStore.kind !== 'postgres') {
    throw new StartError('FHIR_STORE holds the member records of this payer: load them into that server.');
  }
  const database = await openLoadDatabase(config);
  const stopped = stopOnSignal(database.stop);
  try {
    await migrate(database.url);
    process.exitCode = (await loadAll(database.url, files)) ? 0 : 1;
  } catch (error) {
    if (!stopped()) throw error;
  } finally {
    await database.stop();
  }
}

async function loadAll(url: string, files: readonly string[]): Promise<boolean> {
  const pool = new Pool({ connectionString: url, max: 2 });
  // A connection that breaks while it waits: the next statement tells.
  pool.on('error', () => undefined);
  const progress = createProgress(process.stderr);
  let isWhole = true;
  try {
    for (const file of files) {
      for (const result of await loadFiles(pool, [file], progress)) {
        const clear = process.stderr.isTTY ? '\r\u001b[K' : '';
        process.stderr.write(`${clear}${resultLines(result).join('\n')}\n`);
        isWhole &&= result.problems.length === 0;
      }
    }
  } finally {
    await pool.end();
  }
  return isWhole;
}

/** What was begun is taken back by the database; one of our own does not stay behind. */
function stopOnSignal(stop: () => Promise<void>): () => boolean {
  let isStopped = false;
  const onSignal = (): void => {
    isStopped = true;
    process.exitCode = 130;
    void stop().finally(() => process.exit());
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  return () => isStopped;
}

await main().catch(fail);
