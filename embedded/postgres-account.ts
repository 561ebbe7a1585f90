import { execFileSync, spawnSync } from 'node:child_process';
import { StartError } from './start-error.ts';

/** Postgres refuses to run as root: then it runs as another user of this machine. */
export interface PostgresAccount {
  readonly uid?: number;
  readonly gid?: number;
  /** Owner of the data directory, where it is not us. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Put before each command. */
  readonly prefix: readonly string[];
}

/**
 * @throws StartError when we are root and the other user cannot reach the program or its data
 */
export function postgresAccount(program: string, dataFolder: string): PostgresAccount {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const name = ['postgres', 'nobody'].find((candidate) => idOf('-u', candidate) !== undefined);
  const uid = name === undefined ? undefined : idOf('-u', name);
  const gid = name === undefined ? undefined : idOf('-g', name);
  if (name === undefined || uid === undefined || gid === undefined) {
    throw new StartError(
      'The embedded Postgres cannot run as root, and this machine has no user postgres or nobody to run it as: start as another user, or set DATABASE_URL.',
    );
  }
  const owner = { uid, gid };
  const reach = ['/bin/sh', '-c', 'test -x "$1" && test -x "$2"', 'sh', program, dataFolder];
  if (runs(reach, owner)) return { uid, gid, owner, prefix: [] };
  // A checkout under /root: the other user keeps root's passage through closed folders, where the system lets us give it.
  const passage = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const prefix = [...passage, '--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--'];
  if (runs([...prefix, ...reach], {})) return { owner, prefix };
  throw new StartError(
    `The embedded Postgres cannot run as root and runs as user ${name}, who cannot reach ${dataFolder} or ${program}: set DATA_DIR to a folder (and keep the program in one) that others may pass through, start as another user, or set DATABASE_URL.`,
  );
}

function idOf(flag: '-u' | '-g', name: string): number | undefined {
  try {
    return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    // No such user.
    return undefined;
  }
}

function runs(command: readonly string[], who: { uid?: number; gid?: number }): boolean {
  const [program = '', ...args] = command;
  return spawnSync(program, args, { ...who, cwd: '/', stdio: 'ignore' }).status === 0;
}
