import { Connection } from '@temporalio/client';
import { loadProcessConfig } from '../config.ts';
import { existingDatabase } from '../embedded/infrastructure.ts';
import { migrate } from '../embedded/migrate.ts';
import { connectionOptions, namespaceOf } from '../temporal/client.ts';
import type { TemporalTarget } from '../temporal/client.ts';
import { registerSearchAttributes } from '../temporal/search-attributes.ts';
import { fail } from './fail.ts';

/** Brings an existing database to the newest schema, and an existing Temporal to know our search attributes. */
async function main(): Promise<void> {
  const config = loadProcessConfig();
  const applied = await migrate(existingDatabase(config));
  if (config.temporal.isExternal) await prepareTemporal(config.temporal);
  process.stdout.write(applied.length === 0 ? 'Nothing to migrate.\n' : `Migrated: ${applied.join(', ')}.\n`);
}

async function prepareTemporal(target: TemporalTarget): Promise<void> {
  const connection = await Connection.connect(connectionOptions(target));
  try {
    await registerSearchAttributes(connection, namespaceOf(target));
  } finally {
    await connection.close();
  }
}

await main().catch(fail);
