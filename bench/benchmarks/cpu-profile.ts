import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { projectRoot } from '../../embedded/project-root.ts';
import type { Interval } from '../time-groups.ts';

/** A profile as `--cpu-prof` writes it (Chrome DevTools Protocol, Profiler.Profile); times in microseconds. */
const cpuProfile = z.object({
  nodes: z.array(z.object({ id: z.int(), callFrame: z.object({ functionName: z.string(), url: z.string() }) })),
  startTime: z.number(),
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
  /** When any thread was busy; they overlap. */
  readonly busy: readonly Interval[];
}

const NOT_BUSY = new Set(['(idle)', '(root)', '(program)']);

/** All profiles of a folder, one for each thread, added up. */
export function readProfiles(folder: string): Profiled {
  const functions = new Tally();
  const files = new Tally();
  const busy: Interval[] = [];
  for (const file of readdirSync(folder)) {
    const { nodes, startTime, samples, timeDeltas } = cpuProfile.parse(
      JSON.parse(readFileSync(path.join(folder, file), 'utf8')),
    );
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    let at = startTime;
    samples.forEach((id, index) => {
      // A sample speaks for the time since the one before.
      const from = at;
      at += timeDeltas[index] ?? 0;
      const frame = frames.get(id);
      if (frame === undefined || NOT_BUSY.has(frame.functionName)) return;
      busy.push({ from, to: at });
      const name = frame.functionName || '(anonymous)';
      const place = frame.url === '' ? 'the engine itself' : placeOf(frame.url);
      functions.add(name, place, (at - from) / 1e6);
      files.add('', place, (at - from) / 1e6);
    });
  }
  const sorted = functions.sorted();
  const busySeconds = sorted.reduce((sum, { seconds }) => sum + seconds, 0);
  return { busySeconds, functions: sorted, files: files.sorted(), busy };
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
