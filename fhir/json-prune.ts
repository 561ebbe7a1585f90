import { applyEdits, changeProperties } from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { elementsAt, objectAt, rootStart } from './json-text.ts';
import {
  CLOSE_BRACKET,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  keyAt,
  skipSpace,
  stringEnd,
  valueEnd,
  valueStart,
} from './json-tokens.ts';
import { isRecord } from './parameters.ts';

/** What becomes of a value: left as it is and looked into, taken out, or put in the place of it as JSON text. */
export type Pruning = 'keep' | 'remove' | { readonly json: string };

/**
 * `path`: names of the elements from the root down, without indexes; of an array each element is asked by itself. The list
 * is another one's path as soon as the rule has answered.
 */
export type PruningRule = (path: readonly string[], value: unknown) => Pruning;

/** The text without what the rule takes out, every other byte as it was; an array that loses all its elements goes as well. */
export function pruneJson(text: string, resource: unknown, rule: PruningRule): string {
  const pruner = new Pruner(text, rule);
  pruner.pruneRoot(resource);
  return pruner.edits.length === 0 ? text : applyEdits(text, pruner.edits);
}

const NO_FIELDS: Readonly<Record<string, unknown>> = {};

/** Reads each character once: what is looked into tells itself where it ends. */
class Pruner {
  readonly edits: Edit[] = [];
  readonly #text: string;
  readonly #rule: PruningRule;
  readonly #path: string[] = [];
  /** Behind the value that was looked at last. */
  #end = 0;

  constructor(text: string, rule: PruningRule) {
    this.#text = text;
    this.#rule = rule;
  }

  pruneRoot(resource: unknown): void {
    this.#pruneObject(rootStart(this.#text), resource);
  }

  #pruneObject(start: number, value: unknown): void {
    const text = this.#text;
    const fields = isRecord(value) ? value : NO_FIELDS;
    let removed: string[] | undefined;
    let at = skipSpace(text, start + 1);
    while (text.charCodeAt(at) === QUOTE) {
      const key = keyAt(text, at);
      const from = valueStart(text, stringEnd(text, at));
      this.#path.push(key);
      if (this.#goesAway(from, fields[key])) (removed ??= []).push(key);
      this.#path.pop();
      at = this.#next();
    }
    // Where the properties lie is found once more: of most objects none goes.
    if (removed !== undefined) this.edits.push(...changeProperties(objectAt(text, start), removed, []));
    this.#end = at + 1;
  }

  #goesAway(start: number, value: unknown): boolean {
    const isArray = this.#text.charCodeAt(start) === OPEN_BRACKET && Array.isArray(value);
    return isArray ? this.#pruneArray(start, value) : this.#pruneValue(start, value);
  }

  /** True if the value is to go; what it holds is pruned where it stays. */
  #pruneValue(start: number, value: unknown): boolean {
    const pruning = this.#rule(this.#path, value);
    if (pruning === 'keep' && this.#text.charCodeAt(start) === OPEN_BRACE) {
      this.#pruneObject(start, value);
      return false;
    }
    this.#end = valueEnd(this.#text, start);
    if (pruning === 'remove') return true;
    if (pruning !== 'keep') this.edits.push({ start, end: this.#end, replacement: pruning.json });
    return false;
  }

  #pruneArray(start: number, values: readonly unknown[]): boolean {
    let count = 0;
    let removed: Set<number> | undefined;
    let at = skipSpace(this.#text, start + 1);
    while (at < this.#text.length && this.#text.charCodeAt(at) !== CLOSE_BRACKET) {
      if (this.#pruneValue(at, values[count])) (removed ??= new Set()).add(count);
      count++;
      at = this.#next();
    }
    this.#end = at + 1;
    if (removed === undefined) return false;
    if (removed.size === count) return true;
    this.#removeElements(elementsAt(this.#text, start), removed);
    return false;
  }

  /** Where the next property or element begins, or its object or array ends. */
  #next(): number {
    const at = skipSpace(this.#text, this.#end);
    return this.#text.charCodeAt(at) === COMMA ? skipSpace(this.#text, at + 1) : at;
  }

  #removeElements(elements: ReturnType<typeof elementsAt>, removed: ReadonlySet<number>): void {
    let lastKept = elements.length - 1;
    while (removed.has(lastKept)) lastKept--;
    for (const index of removed) {
      const [element, next] = [elements[index], elements[index + 1]];
      if (index > lastKept || element === undefined || next === undefined) continue;
      this.edits.push({ start: element.start, end: next.start, replacement: '' });
    }
    const [kept, last] = [elements[lastKept], elements.at(-1)];
    if (kept !== undefined && last !== undefined && kept !== last) {
      this.edits.push({ start: kept.end, end: last.end, replacement: '' });
    }
  }
}
