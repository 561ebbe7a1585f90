import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import type { Child } from '../embedded/child.ts';
import { migrate } from '../embedded/migrate.ts';
import { startPostgres } from '../embedded/postgres.ts';
import { cacheFolder } from '../embedded/project-root.ts';
import type { ShutdownStack } from '../embedded/shutdown.ts';
import { findTemporalCli } from '../embedded/temporal-cli.ts';
import { startTemporalServer } from '../embedded/temporal-server.ts';
import { workflowBundle } from '../temporal/bundle.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts';
import { benchFolder, dataFolder } from './data.ts';
import type { Say } from './data.ts';
import { startProgram } from './program.ts';

/** What every benchmark runs on: as `npm start` embeds it, in a folder of this run alone. */
export interface Servers {
  readonly folder: string;
  readonly temporalAddress: string;
  readonly namespace: string;
  /** Of the responding payer. */
  readonly partner: string;
  /** What benchmarks have started themselves: killed with everything else where they do not get to their end. */
  readonly children: Set<Pick<Child, 'kill'>>;
  /** A migrated database of its own. */
  createDatabase(name: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** What was written so far is on disk: nobody pays for what somebody else wrote. */
  checkpoint(): Promise<void>;
  /** As autovacuum does some time after very much was written. */
  vacuum(databaseUrl: string): Promise<void>;
}

const NAMESPACE = 'default';

export async function startServers(shutdown: ShutdownStack, say: Say): Promise<Servers> {
  const folder = path.join(benchFolder(), `run-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  await shutdown.add('folder', { stop: async () => rmSync(folder, { recursive: true, force: true }) });
  const program = await findTemporalCli(cacheFolder(), say);
  await workflowBundle(cacheFolder());
  say('starting Postgres, Temporal and the responding payer …');
  const postgres = await startPostgres({ dataDir: folder, database: 'bench' });
  await shutdown.add('postgres', postgres);
  shutdown.watch(postgres.exited, 'Postgres ended by itself.');
  const searchAttributes = Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword']));
  const temporal = await startTemporalServer({ program, dataDir: folder, namespace: NAMESPACE, searchAttributes });
  await shutdown.add('temporal', temporal);
  shutdown.watch(temporal.exited, 'Temporal ended by itself.');
  mkdirSync(dataFolder(), { recursive: true });
  const partner = await startProgram({
    args: ['--import', import.meta.resolve('tsx'), path.join(import.meta.dirname, 'partner', 'main.ts'), dataFolder()],
    file: path.join(folder, 'partner'),
    ready: /ready (\S+)/,
  });
  await shutdown.add('partner', partner);
  shutdown.watch(partner.exited, 'The responding payer ended by itself.');
  const children: Servers['children'] = new Set();
  await shutdown.add('children', {
    stop: async () => {
      await Promise.all([...children].map((child) => child.kill()));
    },
  });
  return {
    ...{ folder, children, temporalAddress: temporal.address, namespace: NAMESPACE, partner: partner.said[1] ?? '' },
    ...databases(postgres.url),
  };
}

function databases(url: string): Pick<Servers, 'createDatabase' | 'dropDatabase' | 'checkpoint' | 'vacuum'> {
  return {
    async createDatabase(name) {
      await run(url, `CREATE DATABASE ${name}`);
      const created = new URL(url);
      created.pathname = `/${name}`;
      await migrate(created.href);
      return created.href;
    },
    dropDatabase: (name) => run(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    checkpoint: () => run(url, 'CHECKPOINT'),
    vacuum: (databaseUrl) => run(databaseUrl, 'VACUUM ANALYZE'),
  };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
