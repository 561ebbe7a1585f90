import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config.ts';
import { newEncryptionKey, parseEncryptionKeys } from '../encryption-keys.ts';
import type { EncryptionKey } from '../seal.ts';
import { keptText } from './kept-file.ts';
import { StartError } from './start-error.ts';

/** What an operator may set, and what else is made once and kept under DATA_DIR, readable by its owner only. */
export interface Secrets {
  readonly adminClientId: string;
  readonly adminClientSecret: string;
  readonly encryptionKeys: readonly EncryptionKey[];
}

/** For `npm start`: one program, one DATA_DIR. */
export function loadOrCreateSecrets(config: Config): Secrets {
  const kept = (name: string, create: () => string): string => keptText(path.join(config.dataDir, name), create);
  return {
    adminClientId: config.admin.clientId ?? kept('admin-client-id', () => `admin-${randomBytes(6).toString('hex')}`),
    adminClientSecret:
      config.admin.clientSecret ?? kept('admin-client-secret', () => randomBytes(32).toString('base64url')),
    encryptionKeys: config.encryptionKeys ?? readKeys(config.dataDir, kept('encryption-keys', newEncryptionKey)),
  };
}

/**
 * For parts of a payer that run apart: a secret made by one of them would be unknown to the others.
 *
 * @throws StartError naming the variable that is missing
 */
export function loadSharedSecrets(config: Config): Secrets {
  const required = [
    ['ENCRYPTION_KEYS', config.encryptionKeys, 'encryption-keys'],
    ['ADMIN_CLIENT_ID', config.admin.clientId, 'admin-client-id'],
    ['ADMIN_CLIENT_SECRET', config.admin.clientSecret, 'admin-client-secret'],
  ] as const;
  const missing = required
    .filter(([, value, file]) => value === undefined && !existsSync(path.join(config.dataDir, file)))
    .map(([name]) => name);
  if (missing.length > 0) {
    throw new StartError(
      `${missing.join(', ')} must be set, to the same value for every part, where a payer's parts run apart (or DATA_DIR must be one that \`npm start\` has filled).`,
    );
  }
  return loadOrCreateSecrets(config);
}

function readKeys(dataDir: string, text: string): EncryptionKey[] {
  const keys = parseEncryptionKeys(text);
  if (keys.length === 0)
    throw new StartError(`${path.join(dataDir, 'encryption-keys')} is damaged: no key can be read from it.`);
  return keys;
}
