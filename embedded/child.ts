import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';

export interface ChildOptions {
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** Gets stdout and stderr; what an earlier run wrote is kept beside it as `.previous`. */
  readonly logFile: string;
  /** Asks the program to end. */
  readonly stopSignal: 'TERM' | 'INT';
  /** How long it may take before it is killed. */
  readonly graceSeconds: number;
  /** Gets the program's own process id. */
  readonly pidFile?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

export interface Child {
  /** Settles when the program has ended, with its exit code (128 + signal where a signal ended it). */
  readonly exited: Promise<number>;
  /** Asks it to end and waits; after the grace time it is killed. */
  stop(): Promise<void>;
  /** Kills it and waits. */
  kill(): Promise<void>;
}

/*
 * The program's parent is a small shell in a session of its own, so that Ctrl-C reaches us and not the program. The
 * shell reads a pipe that only we hold: its end, for whatever reason (kill -9 too), stops the program.
 */
const WRAPPER = `
umask 077
signal=$1 grace=$2 pidfile=$3
shift 3
"$@" 3<&- </dev/null &
child=$!
[ -z "$pidfile" ] || echo "$child" >"$pidfile"
(
  while read -r line; do :; done
  kill -s "$signal" "$child"
  while [ "$grace" -gt 0 ]; do sleep 1; grace=$((grace - 1)); done
  kill -s KILL "$child"
) <&3 >/dev/null 2>&1 &
exec 3<&-
wait "$child"
code=$?
trap '' TERM
kill -s TERM 0
exit "$code"
`;

/** Starts a program that never outlives this process. */
export function startChild(options: ChildOptions): Child {
  const log = openLog(options.logFile);
  const { stopSignal, graceSeconds, pidFile = '', command, args } = options;
  const shell = spawn('/bin/sh', ['-c', WRAPPER, 'sh', stopSignal, String(graceSeconds), pidFile, command, ...args], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...options.env },
    uid: options.uid,
    gid: options.gid,
  });
  closeSync(log);
  const lifeline = shell.stdio[3] as Writable;
  // The shell may be gone before the pipe is closed; its exit tells.
  lifeline.on('error', () => undefined);
  const exited = new Promise<number>((resolve) => {
    shell.once('error', () => {
      resolve(127);
    });
    shell.once('exit', (code) => {
      resolve(code ?? 137);
    });
  });
  return {
    exited,
    async stop() {
      lifeline.end();
      await exited;
    },
    async kill() {
      killGroup(shell.pid);
      await exited;
    },
  };
}

function openLog(file: string): number {
  try {
    renameSync(file, `${file}.previous`);
  } catch {
    // No earlier run: nothing to keep.
    rmSync(`${file}.previous`, { force: true });
  }
  return openSync(file, 'w', 0o600);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
