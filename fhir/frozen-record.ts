import { isRecord } from './parameters.ts';

/** A resource that others may look at and not change: whoever tries gets an error. Anything but an object is an empty one. */
export function frozenRecord(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text);
  freeze(value);
  return isRecord(value) ? value : {};
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}
