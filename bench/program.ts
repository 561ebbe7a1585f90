import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild } from '../embedded/child.ts';
import type { Child } from '../embedded/child.ts';
import { StartError } from '../embedded/start-error.ts';

export interface ProgramOptions {
  /** Of Node. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Without its ending: `.log` holds what the program says, `.pid` its process id. */
  readonly file: string;
  /** What it says when it is ready. */
  readonly ready: RegExp;
}

export interface Program extends Child {
  readonly pid: number;
  /** What `ready` found. */
  readonly said: RegExpExecArray;
}

const START_DEADLINE_MS = 120_000;
/** A profile of some minutes takes a while to be written. */
const GRACE_SECONDS = 60;

/** Starts a Node program of ours that never outlives this process, and waits until it says that it is ready. */
export async function startProgram({ args, env, file, ready }: ProgramOptions): Promise<Program> {
  const child = startChild({
    command: process.execPath,
    args,
    env: { HOME: path.dirname(file), ...env },
    logFile: `${file}.log`,
    pidFile: `${file}.pid`,
    stopSignal: 'TERM',
    graceSeconds: GRACE_SECONDS,
  });
  const state = { ended: false };
  void child.exited.then(() => (state.ended = true));
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!state.ended && Date.now() < deadline) {
    const said = ready.exec(readFileSync(`${file}.log`, 'utf8'));
    if (said !== null && existsSync(`${file}.pid`)) {
      return { ...child, said, pid: Number(readFileSync(`${file}.pid`, 'utf8')) };
    }
    await delay(50);
  }
  await child.stop();
  throw new StartError(
    `A program of the benchmark did not start:\n${readFileSync(`${file}.log`, 'utf8').slice(-2000)}`,
  );
}
