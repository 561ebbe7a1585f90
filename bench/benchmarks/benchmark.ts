import type { Run } from '../imports.ts';
import type { Result } from '../result.ts';

export interface Benchmark {
  readonly name: string;
  /** Left out where no names are given. */
  readonly byNameOnly?: boolean;
  measure(run: Run): Promise<Omit<Result, 'name'>>;
}
