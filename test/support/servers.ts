import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrate } from '../../embedded/migrate.ts';
import { startPostgres } from '../../embedded/postgres.ts';
import { cacheFolder } from '../../embedded/project-root.ts';
import { findTemporalCli } from '../../embedded/temporal-cli.ts';
import { startTemporalServer } from '../../embedded/temporal-server.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.ts';
import { TEMPLATE_DATABASE } from './environment.ts';
import type { TestEnvironment } from './environment.ts';

export interface TestServers {
  readonly environment: TestEnvironment;
  stop(): Promise<void>;
}

/** One Postgres and one Temporal server for a whole run, in a folder of their own. */
export async function startTestServers(): Promise<TestServers> {
  const folder = mkdtempSync(path.join(tmpdir(), 'carryover-test-'));
  chmodSync(folder, 0o711);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const program = await findTemporalCli(cacheFolder(), say);
  const template = await startPostgres({ dataDir: folder, database: TEMPLATE_DATABASE, durable: false });
  await migrate(template.url);
  const temporal = await startTemporalServer({
    program,
    dataDir: folder,
    namespace: 'default',
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword'])),
    // Else every timer may be up to one second late.
    dynamicConfig: { 'history.timerProcessorMaxTimeShift': '"1ms"' },
  });
  const admin = new URL(template.url);
  admin.pathname = '/postgres';
  return {
    environment: {
      postgresUrl: admin.href,
      temporalAddress: temporal.address,
      temporalNamespace: temporal.namespace,
      temporalCli: program,
    },
    async stop() {
      await Promise.all([temporal.stop(), template.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
