import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { DATABASE_NAME } from '../../embedded/infrastructure.ts';
import { lockDataDir } from '../../embedded/instance-lock.ts';
import { findRunningPostgres, startPostgres } from '../../embedded/postgres.ts';
import { StartError } from '../../embedded/start-error.ts';

export interface LoadDatabase {
  readonly url: string;
  stop(): Promise<void>;
}

/** A payer that is just starting takes a while until its Postgres answers. */
const START_WAIT_MS = 120_000;

/** DATABASE_URL, else the Postgres of the payer that runs on DATA_DIR, else one of our own for as long as it takes. */
export async function openLoadDatabase(config: Config): Promise<LoadDatabase> {
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl, stop: () => Promise.resolve() };
  const deadline = Date.now() + START_WAIT_MS;
  for (;;) {
    const url = await findRunningPostgres(config.dataDir, DATABASE_NAME);
    if (url !== undefined) return { url, stop: () => Promise.resolve() };
    try {
      return await startOwn(config.dataDir);
    } catch (error) {
      if (!(error instanceof StartError) || Date.now() > deadline) throw error;
      await delay(500);
    }
  }
}

async function startOwn(dataDir: string): Promise<LoadDatabase> {
  const unlock = lockDataDir(dataDir);
  try {
    const server = await startPostgres({ dataDir, database: DATABASE_NAME });
    return { url: server.url, stop: () => server.stop().finally(unlock) };
  } catch (error) {
    unlock();
    throw error;
  }
}
