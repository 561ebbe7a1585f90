import { loadProcessConfig } from '../config.ts';
import { existingInfrastructure } from '../embedded/infrastructure.ts';
import { loadSharedSecrets } from '../embedded/secrets.ts';
import { createProcessLogger } from '../logger.ts';
import { fail } from './fail.ts';
import { startPayer } from './payer.ts';
import { serve } from './serve.ts';

/** The two HTTP APIs alone, beside an existing Postgres and Temporal. */
async function main(): Promise<void> {
  const config = loadProcessConfig();
  const logger = createProcessLogger(config.logLevel);
  const infrastructure = existingInfrastructure(config);
  const secrets = loadSharedSecrets(config);
  await serve(logger, async (shutdown) => {
    await startPayer({ config, secrets, infrastructure, logger, shutdown, parts: ['api'] });
    process.stdout.write(`ready ${config.fhirBaseUrl}\n`);
  });
}

await main().catch(fail);
