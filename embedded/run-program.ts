import { spawn } from 'node:child_process';

export interface ProgramResult {
  /** Undefined where it could not be started or was ended at the time limit. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Added to what this process has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Asked every second; true ends the program. */
  readonly giveUp?: () => boolean;
}

/** Runs a program to its end; never throws. */
export async function runProgram(
  command: string,
  args: readonly string[],
  limitMs: number,
  options: RunOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const env = options.env ?? {};
    // `env` of coreutils adds to the inherited environment, which is config.ts's alone to read.
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const [program, all] = settings.length === 0 ? [command, args] : ['env', [...settings, command, ...args]];
    const child = spawn(program, all, { cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4000)));
    const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
    const watch = setInterval(() => {
      if (options.giveUp?.() === true) child.kill('SIGKILL');
    }, 1000);
    const settle = (code: number | undefined): void => {
      clearTimeout(limit);
      clearInterval(watch);
      resolve({ code, stdout, stderr });
    };
    child.once('error', (err) => {
      stderr = err.message;
      settle(undefined);
    });
    child.once('close', (code) => {
      settle(code ?? undefined);
    });
  });
}

/** The last line of what a program said, for a one-sentence reason. */
export function lastLine(result: ProgramResult): string {
  const lines = `${result.stdout}\n${result.stderr}`.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').at(-1) ?? 'it ended without a word';
}
