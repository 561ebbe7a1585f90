import { REFUSALS } from '../../fhir/refusals.ts';
import type { LoadedFile, LoadProgress } from '../../store/postgres/load.ts';

const REDRAW_MS = 200;
/** Where lines cannot be drawn again. */
const PLAIN_MS = 5000;

/** One line on the terminal for the file that is being read; a line now and then where there is no terminal. */
export function createProgress(output: NodeJS.WriteStream): (progress: LoadProgress) => void {
  let lastAt = 0;
  return ({ file, records, bytes, totalBytes }) => {
    const now = Date.now();
    if (now - lastAt < (output.isTTY ? REDRAW_MS : PLAIN_MS)) return;
    lastAt = now;
    const percent = totalBytes === 0 ? 100 : Math.floor((bytes / totalBytes) * 100);
    const line = `${file}: ${records} records, ${percent} %`;
    output.write(output.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
  };
}

export function resultLines({ file, records, problems, ...counts }: LoadedFile): readonly string[] {
  if (problems.length === 0) {
    return [`${file}: ${records} records, ${counts.new} new, ${counts.updated} updated, ${counts.unchanged} unchanged`];
  }
  const places = problems.map(({ line, reason }) => `${file}:${line}: ${REFUSALS[reason]}`);
  return [...places, `${file}: nothing of this file is kept.`];
}
