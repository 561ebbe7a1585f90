import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import type { Progress } from '../progress.ts';
import { loadFiles } from '../responder/load-process.ts';
import type { Servers } from '../servers.ts';
import { writeMembers } from './records.ts';

const MEMBERS_PER_FILE = 25_000;
const LOADERS = 2;

/** A database with so many members, loaded by several `npm run load` at a time, and its statistics. */
export async function membersDatabase(
  servers: Servers,
  progress: Progress,
  { name, members }: { readonly name: string; readonly members: number },
): Promise<string> {
  const databaseUrl = await servers.createDatabase(name);
  const begun = Date.now();
  let loaded = 0;
  const look = (): Promise<string> =>
    Promise.resolve(
      `${name}: ${loaded.toLocaleString('en-US')} of ${members.toLocaleString('en-US')} members loaded, ${Math.round((Date.now() - begun) / 1000)} s`,
    );
  const folder = path.join(servers.folder, name);
  mkdirSync(folder);
  let next = 0;
  const load = async (loader: number): Promise<void> => {
    while (next < members) {
      const from = next;
      const to = (next = Math.min(members, from + MEMBERS_PER_FILE));
      const file = path.join(folder, `${from}.ndjson.gz`);
      await writeMembers(file, from, to);
      await loadFiles(servers, { name: `${name}-load-${loader}`, databaseUrl, files: [file] });
      rmSync(file);
      loaded += to - from;
    }
  };
  await progress.during(look, async () => {
    await Promise.all(Array.from({ length: LOADERS }, (_, loader) => load(loader)));
    await settle(databaseUrl);
  });
  return databaseUrl;
}

/** What autovacuum would come to do by and by, before the first request instead of during some. */
async function settle(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('VACUUM (ANALYZE)');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}
