import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../config.ts';
import type { Config, Environment } from '../../../config.ts';
import { loadOrCreateSecrets, loadSharedSecrets } from '../../../embedded/secrets.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-secrets-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const config = (env: Environment = {}): Config => loadConfig({ DATA_DIR: folder, ...env }, () => undefined);

describe('secrets', () => {
  it('are made at the first start and the same at the next', () => {
    const first = loadOrCreateSecrets(config());
    expect(first.encryptionKeys).toHaveLength(1);
    expect(loadOrCreateSecrets(config())).toEqual(first);
  });

  it('can be read by their owner only', () => {
    loadOrCreateSecrets(config());
    for (const name of ['admin-client-id', 'admin-client-secret', 'encryption-keys']) {
      expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
    }
  });

  it('are those of the environment where it has them', () => {
    const key = Buffer.alloc(32, 1).toString('base64');
    const env = { ADMIN_CLIENT_ID: 'op', ADMIN_CLIENT_SECRET: 'a-long-secret', ENCRYPTION_KEYS: `k:${key}` };
    expect(loadOrCreateSecrets(config(env))).toMatchObject({
      adminClientId: 'op',
      adminClientSecret: 'a-long-secret',
      encryptionKeys: [{ id: 'k' }],
    });
  });

  it('are asked for by name where parts run apart', () => {
    expect(() => loadSharedSecrets(config())).toThrow(
      'ENCRYPTION_KEYS, ADMIN_CLIENT_ID, ADMIN_CLIENT_SECRET must be set',
    );
  });

  it('of an earlier start serve parts that run apart', () => {
    const made = loadOrCreateSecrets(config());
    expect(loadSharedSecrets(config())).toEqual(made);
  });

  it('that are damaged stop the start instead of being replaced', () => {
    writeFileSync(path.join(folder, 'encryption-keys'), 'damaged');
    expect(() => loadOrCreateSecrets(config())).toThrow('is damaged');
    expect(readFileSync(path.join(folder, 'encryption-keys'), 'utf8')).toBe('damaged');
  });
});
