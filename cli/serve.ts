import { StoppedError, ShutdownStack } from '../embedded/shutdown.ts';
import type { Logger } from '../logger.ts';
import { fail } from './fail.ts';

/** A start that hangs in a download does not hold up a stop for longer. */
const UNFINISHED_START_MS = 10_000;

/**
 * Runs a program that serves until it is told to stop, and ends the process: 0 after a signal, 1 where it could not
 * start or a part ended by itself.
 */
export async function serve(logger: Logger, start: (shutdown: ShutdownStack) => Promise<void>): Promise<never> {
  const shutdown = new ShutdownStack(logger);
  shutdown.listen();
  const starting = start(shutdown);
  // Looked at below, whichever of the two comes first.
  starting.catch(() => undefined);
  try {
    await Promise.race([starting, shutdown.requested()]);
  } catch (err) {
    await shutdown.stop();
    fail(err);
  }
  const reason = await shutdown.requested();
  logger.info('stopping');
  await shutdown.stop();
  await Promise.race([starting.catch(ignoreStopped), waitAtMost(UNFINISHED_START_MS)]);
  logger.info('stopped');
  if (reason === undefined) process.exit(0);
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

function ignoreStopped(err: unknown): void {
  if (!(err instanceof StoppedError)) process.stderr.write('The start was given up.\n');
}

async function waitAtMost(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
