import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { projectRoot } from '../../embedded/project-root.ts';

/** A profile as `--cpu-prof` writes it (Chrome DevTools Protocol, Profiler.Profile); times in microseconds. */
const cpuProfile = z.object({
  nodes: z.array(z.object({ id: z.int(), callFrame: z.object({ functionName: z.string(), url: z.string() }) })),
  samples: z.array(z.int()),
  timeDeltas: z.array(z.number()),
});

export interface ProfiledFunction {
  readonly name: string;
  /** The file; lines are those of the compiled text, and say nothing. */
  readonly at: string;
  /** In it itself, without what it calls. */
  readonly seconds: number;
}

export interface Profiled {
  /** Of all threads. */
  readonly busySeconds: number;
  /** Most self time first. */
  readonly functions: readonly ProfiledFunction[];
  /** The same, added up by file. */
  readonly files: readonly ProfiledFunction[];
}

const NOT_BUSY = new Set(['(idle)', '(root)', '(program)']);

/** All profiles of a folder, one for each thread, added up. */
export function readProfiles(folder: string): Profiled {
  const functions = new Tally();
  const files = new Tally();
  for (const file of readdirSync(folder)) {
    const { nodes, samples, timeDeltas } = cpuProfile.parse(JSON.parse(readFileSync(path.join(folder, file), 'utf8')));
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    samples.forEach((id, index) => {
      const frame = frames.get(id);
      if (frame === undefined || NOT_BUSY.has(frame.functionName)) return;
      const name = frame.functionName || '(anonymous)';
      const place = frame.url === '' ? 'the engine itself' : placeOf(frame.url);
      const seconds = (timeDeltas[index] ?? 0) / 1e6;
      functions.add(name, place, seconds);
      files.add('', place, seconds);
    });
  }
  const sorted = functions.sorted();
  const busySeconds = sorted.reduce((sum, { seconds }) => sum + seconds, 0);
  return { busySeconds, functions: sorted, files: files.sorted() };
}

class Tally {
  private readonly found = new Map<string, { name: string; at: string; seconds: number }>();

  add(name: string, at: string, seconds: number): void {
    const known = this.found.get(`${name} ${at}`) ?? { name, at, seconds: 0 };
    known.seconds += seconds;
    this.found.set(`${name} ${at}`, known);
  }

  sorted(): readonly ProfiledFunction[] {
    return [...this.found.values()].sort((one, other) => other.seconds - one.seconds);
  }
}

function placeOf(url: string): string {
  if (!url.startsWith('file:')) return url;
  return path.relative(projectRoot(), fileURLToPath(url.replace(/\?.*$/, '')));
}
