import { availableParallelism } from 'node:os';
import type { ImportThreads } from '../activities/requester/import-threads.ts';
import { threadProgram } from './program.ts';
import { Thread } from './thread.ts';

/** One processor is left to Postgres, and to what this process does besides. */
const MOST_THREADS = Math.min(Math.max(availableParallelism() - 1, 1), 4);

/** Threads start with the exchanges that need them, and end when they have had nothing to do for a while; beyond their
 * greatest number exchanges share one. */
export function createImportThreads(makeProgram = threadProgram): ImportThreads & { close(): Promise<void> } {
  let threads: Thread[] = [];
  let program: Promise<string> | undefined;
  const leastBusy = (code: string): Thread => {
    threads = threads.filter(({ isAlive }) => isAlive);
    const [first] = threads.sort((one, other) => one.sessions - other.sessions);
    if (first !== undefined && (first.sessions === 0 || threads.length >= MOST_THREADS)) return first;
    const thread = new Thread(code);
    threads.push(thread);
    return thread;
  };
  return {
    async open(exchangeId, context, store) {
      program ??= makeProgram();
      // One that could not be made is made anew by whoever tries again.
      program.catch(() => (program = undefined));
      return leastBusy(await program).open(exchangeId, context, store);
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}
