import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from './error-code.ts';

/** The command line of a living process, or undefined where there is none (a process id may have been given anew). */
export function commandOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (err) {
    if (!hasCode(err, 'EPERM')) return undefined;
  }
  return fromProc(pid) ?? fromPs(pid);
}

function fromProc(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined;
  } catch {
    // No /proc here (macOS), or just gone.
    return undefined;
  }
}

function fromPs(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    // `ps` fails for a process that is gone.
    return undefined;
  }
}

/** Ends a leftover of an earlier run: signal, wait, kill. Does nothing where `isOurs` does not know the command line. */
export async function endLeftover(
  pid: number,
  isOurs: (command: string) => boolean,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<void> {
  const alive = (): boolean => {
    const command = commandOf(pid);
    return command !== undefined && isOurs(command);
  };
  for (const [step, waitMs] of [
    [signal, graceMs],
    ['SIGKILL', 10_000],
  ] as const) {
    if (!alive()) return;
    process.kill(pid, step);
    const deadline = Date.now() + waitMs;
    while (alive() && Date.now() < deadline) await delay(50);
  }
}
