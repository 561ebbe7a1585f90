import { ConfigError } from '../config.ts';
import { StartError } from '../embedded/start-error.ts';

/** Ends the program with what went wrong: our own sentences as they are, anything else with its stack. */
export function fail(err: unknown): never {
  const isOurs = err instanceof ConfigError || err instanceof StartError;
  process.stderr.write(`${isOurs ? err.message : stackOf(err)}\n`);
  process.exit(1);
}

function stackOf(err: unknown): string {
  return err instanceof Error ? (err.stack ?? err.message) : String(err);
}
