import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Servers } from './servers.ts';

export interface ProcessSettings {
  /** Of the payer: its processes have one name each, and share these. */
  readonly databaseUrl: string;
  readonly encryptionKeys: string;
  /** The configuration file's content. */
  readonly configuration: object;
}

/** What an operator sets for a process of a payer that uses the servers of this run. */
export function processEnvironment(
  { folder, temporalAddress, namespace }: Servers,
  name: string,
  { databaseUrl, encryptionKeys, configuration }: ProcessSettings,
): Readonly<Record<string, string>> {
  const configFile = path.join(folder, `${name}.config.json`);
  writeFileSync(configFile, JSON.stringify(configuration), { mode: 0o600 });
  return {
    ...{ DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: temporalAddress, CONFIG_FILE: configFile },
    ...{ TEMPORAL_NAMESPACE: namespace, DATA_DIR: path.join(folder, name), ENCRYPTION_KEYS: encryptionKeys },
    ...{ ADMIN_CLIENT_ID: 'bench', ADMIN_CLIENT_SECRET: 'bench-needs-no-secret' },
  };
}
