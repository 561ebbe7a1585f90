import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PostgresAccount } from './postgres-account.ts';
import type { PostgresPrograms } from './postgres-programs.ts';
import { StartError } from './start-error.ts';

export interface InitialiseOptions {
  readonly programs: PostgresPrograms;
  readonly account: PostgresAccount;
  /** Empty, owned by the account. */
  readonly folder: string;
  readonly password: string;
  readonly durable: boolean;
}

/**
 * Makes a new cluster: UTF-8, one collation everywhere, passwords only.
 *
 * @throws StartError with what initdb said
 */
export function initialiseCluster({ programs, account, folder, password, durable }: InitialiseOptions): void {
  const secretFolder = mkdtempSync(path.join(tmpdir(), 'carryover-'));
  const secretFile = path.join(secretFolder, 'password');
  try {
    writeFileSync(secretFile, password, { mode: 0o600 });
    if (account.owner !== undefined) {
      chownSync(secretFolder, account.owner.uid, account.owner.gid);
      chownSync(secretFile, account.owner.uid, account.owner.gid);
    }
    const [command = '', ...args] = [
      ...account.prefix,
      programs.initdb,
      `--pgdata=${folder}`,
      `--pwfile=${secretFile}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      ...(durable ? [] : ['--no-sync']),
    ];
    const run = spawnSync(command, args, {
      cwd: '/',
      uid: account.uid,
      gid: account.gid,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      encoding: 'utf8',
    });
    if (run.status !== 0) {
      const said = run.error?.message ?? run.stderr.trim();
      throw new StartError(`The embedded Postgres could not be set up in ${folder}: ${said}`);
    }
  } finally {
    rmSync(secretFolder, { recursive: true, force: true });
  }
}
