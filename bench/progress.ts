/** Says how far a benchmark is: one line that is written over on a terminal, elsewhere one now and then. */
export interface Progress {
  say(line: string): void;
  /** Shows what `look` answers until `work` has ended. */
  during<T>(look: () => Promise<string>, work: () => Promise<T>): Promise<T>;
}

const TERMINAL_EVERY_MS = 500;
const LINE_EVERY_MS = 10_000;

export function createProgress(output: NodeJS.WriteStream): Progress {
  const clear = output.isTTY ? '\r\u001b[2K' : '';
  return {
    say: (line) => void output.write(`${clear}${line}\n`),
    async during(look, work) {
      const show = async (): Promise<void> => {
        // What cannot be looked at now is looked at next time; the work itself tells what is wrong.
        const line = await look().catch(() => undefined);
        if (line !== undefined) output.write(output.isTTY ? `${clear}${line}` : `${line}\n`);
      };
      const timer = setInterval(() => void show(), output.isTTY ? TERMINAL_EVERY_MS : LINE_EVERY_MS);
      try {
        return await work();
      } finally {
        clearInterval(timer);
        output.write(clear);
      }
    },
  };
}
