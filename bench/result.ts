/** What a benchmark found; printed, kept in results.json, and written to docs/performance.md. */
export interface Result {
  readonly name: string;
  /** What is measured, in a sentence. */
  readonly about: string;
  /** What it was measured with. */
  readonly inputs: Readonly<Record<string, string | number>>;
  readonly figures: readonly Figure[];
  readonly notes?: readonly string[];
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
}

/** `ratio` is of two figures of the same run. */
export type Unit = 'resources/s' | 's' | 'ms' | 'MB' | 'ratio' | 'resources';

export const figure = (name: string, value: number, unit: Unit): Figure => ({ name, value, unit });

export const megabytes = (bytes: number): number => bytes / 1_000_000;

export function printed({ value, unit }: Figure): string {
  const digits = unit === 'ratio' ? 2 : value < 10 && unit !== 'resources' ? 1 : 0;
  const text = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === 'ratio' ? text : `${text} ${unit}`;
}
