import { applyEdits, changeProperties } from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { elementsAt, isArrayAt, isObjectAt, objectAt, rootStart } from './json-text.ts';
import { isRecord } from './parameters.ts';

/** What becomes of a value: left as it is and looked into, taken out, or put in the place of it as JSON text. */
export type Pruning = 'keep' | 'remove' | { readonly json: string };

/** `path`: names of the elements from the root down, without indexes; of an array each element is asked by itself. */
export type PruningRule = (path: readonly string[], value: unknown) => Pruning;

/** The text without what the rule takes out, every other byte as it was; an array that loses all its elements goes as well. */
export function pruneJson(text: string, resource: unknown, rule: PruningRule): string {
  const edits: Edit[] = [];
  pruneObject({ text, rule, edits }, rootStart(text), [], resource);
  return edits.length === 0 ? text : applyEdits(text, edits);
}

interface Pruner {
  readonly text: string;
  readonly rule: PruningRule;
  readonly edits: Edit[];
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function pruneObject(pruner: Pruner, start: number, path: readonly string[], value: unknown): void {
  const object = objectAt(pruner.text, start);
  const fields = isRecord(value) ? value : {};
  const removed = object.properties.filter(({ key, valueStart, valueEnd }) =>
    goesAway(pruner, { start: valueStart, end: valueEnd }, [...path, key], fields[key]),
  );
  if (removed.length === 0) return;
  const keys = removed.map(({ key }) => key);
  pruner.edits.push(...changeProperties(object, keys, []));
}

function goesAway(pruner: Pruner, at: Range, path: readonly string[], value: unknown): boolean {
  if (isArrayAt(pruner.text, at.start) && Array.isArray(value)) return pruneArray(pruner, at.start, path, value);
  return pruneValue(pruner, at, path, value);
}

/** True if the value is to go; what it holds is pruned where it stays. */
function pruneValue(pruner: Pruner, at: Range, path: readonly string[], value: unknown): boolean {
  const pruning = pruner.rule(path, value);
  if (pruning === 'remove') return true;
  if (pruning !== 'keep') pruner.edits.push({ ...at, replacement: pruning.json });
  else if (isObjectAt(pruner.text, at.start)) pruneObject(pruner, at.start, path, value);
  return false;
}

function pruneArray(pruner: Pruner, start: number, path: readonly string[], values: readonly unknown[]): boolean {
  const elements = elementsAt(pruner.text, start);
  const removed = elements.map((element, index) => pruneValue(pruner, element, path, values[index]));
  const lastKept = removed.lastIndexOf(false);
  if (lastKept === -1) return elements.length > 0;
  for (const [index, element] of elements.entries()) {
    const next = elements[index + 1];
    if (removed[index] !== true || index > lastKept || next === undefined) continue;
    pruner.edits.push({ start: element.start, end: next.start, replacement: '' });
  }
  const [kept, last] = [elements[lastKept], elements.at(-1)];
  if (kept !== undefined && last !== undefined && kept !== last) {
    pruner.edits.push({ start: kept.end, end: last.end, replacement: '' });
  }
  return false;
}
