import type { Config } from '../config.ts';
import type { TemporalTarget } from '../temporal/client.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts';
import { startPostgres } from './postgres.ts';
import { cacheFolder } from './project-root.ts';
import { StartError } from './start-error.ts';
import type { ShutdownStack } from './shutdown.ts';
import { findTemporalCli } from './temporal-cli.ts';
import { startTemporalServer } from './temporal-server.ts';

/** Where the database and Temporal of this payer are. */
export interface Infrastructure {
  readonly databaseUrl: string;
  readonly temporal: TemporalTarget;
}

export const DATABASE_NAME = 'carryover';

/** Starts what no variable points elsewhere; what was started goes on the stack. */
export async function startInfrastructure(
  config: Config,
  shutdown: ShutdownStack,
  codecEndpoint: string,
  say: (line: string) => void,
): Promise<Infrastructure> {
  const databaseUrl = config.databaseUrl ?? (await startDatabase(config, shutdown));
  if (config.temporal.isExternal) return { databaseUrl, temporal: config.temporal };
  const program = await findTemporalCli(cacheFolder(), say);
  const server = await startTemporalServer({
    program,
    dataDir: config.dataDir,
    namespace: config.temporal.namespace,
    uiPort: config.temporal.uiPort,
    codecEndpoint,
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword'])),
  });
  await shutdown.add('temporal', server);
  shutdown.watch(server.exited, 'The embedded Temporal server ended by itself: see temporal.log in DATA_DIR.');
  return { databaseUrl, temporal: server };
}

async function startDatabase(config: Config, shutdown: ShutdownStack): Promise<string> {
  const server = await startPostgres({ dataDir: config.dataDir, database: DATABASE_NAME });
  await shutdown.add('postgres', server);
  shutdown.watch(server.exited, 'The embedded Postgres ended by itself: see postgres.log in DATA_DIR.');
  return server.url;
}

/**
 * For parts that run apart and embed nothing.
 *
 * @throws StartError naming the variable that is missing
 */
export function existingInfrastructure(config: Config): Infrastructure {
  const databaseUrl = existingDatabase(config);
  if (!config.temporal.isExternal) throw missing('TEMPORAL_ADDRESS');
  return { databaseUrl, temporal: config.temporal };
}

/** @throws StartError where DATABASE_URL is not set */
export function existingDatabase(config: Config): string {
  if (config.databaseUrl === undefined) throw missing('DATABASE_URL');
  return config.databaseUrl;
}

function missing(variable: string): StartError {
  return new StartError(`${variable} is not set; a part that runs apart needs it (\`npm start\` embeds everything).`);
}
