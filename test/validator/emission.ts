import type { ToValidate } from './validator.ts';

/** A resource that left the product. */
export interface Emission extends ToValidate {
  /** What it is; each kind is one test. */
  readonly kind: string;
  /** As it came to us: what was wrong with it then is its sender's. */
  readonly before?: string;
}

export const emission = (kind: string, text: string, more: Partial<Emission> = {}): Emission => ({
  ...{ kind, text, guides: 'records' },
  ...more,
});
