import os from 'node:os';
import { execFileSync } from 'node:child_process';
import { findPostgresPrograms } from '../embedded/postgres-programs.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly system: string;
  readonly node: string;
  readonly postgres: string;
}

export function describeMachine(): Machine {
  const version = execFileSync(findPostgresPrograms().postgres, ['--version'], { encoding: 'utf8' });
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGB: Math.round(os.totalmem() / 1e9),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    postgres: /\d[\d.]*/.exec(version)?.[0] ?? version.trim(),
  };
}
