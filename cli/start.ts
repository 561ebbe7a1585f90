import { loadProcessConfig } from '../config.ts';
import { startInfrastructure } from '../embedded/infrastructure.ts';
import { lockDataDir } from '../embedded/instance-lock.ts';
import { migrate } from '../embedded/migrate.ts';
import { loadOrCreateSecrets } from '../embedded/secrets.ts';
import { createProcessLogger } from '../logger.ts';
import { fail } from './fail.ts';
import { codecEndpoint, newCodecToken, startPayer } from './payer.ts';
import { serve } from './serve.ts';

/** One payer, whole: what no variable points elsewhere is embedded. */
async function main(): Promise<void> {
  const config = loadProcessConfig();
  const logger = createProcessLogger(config.logLevel);
  const unlock = lockDataDir(config.dataDir);
  await serve(logger, async (shutdown) => {
    await shutdown.add('lock', {
      stop: () => {
        unlock();
        return Promise.resolve();
      },
    });
    const secrets = loadOrCreateSecrets(config);
    const codecToken = newCodecToken();
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const infrastructure = await startInfrastructure(config, shutdown, codecEndpoint(config, codecToken), say);
    const applied = await migrate(infrastructure.databaseUrl);
    logger.info('migrated', { migrations: applied.length });
    const parts = ['api', 'worker'] as const;
    await startPayer({ config, secrets, infrastructure, logger, shutdown, parts, codecToken });
    process.stdout.write(`ready ${config.fhirBaseUrl}\n`);
  });
}

await main().catch(fail);
