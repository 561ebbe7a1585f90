import { isArrayAt } from './json-text.ts';
import type { JsonObject, JsonProperty } from './json-text.ts';

/** Replaces `start` (inclusive) to `end` (exclusive); an insertion where both are equal. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/** Edits at the same place are applied in the order given, insertions first. Throws RangeError if two overlap. */
export function applyEdits(text: string, edits: readonly Edit[], from = 0, to = text.length): string {
  const sorted = inOrder(edits);
  const parts: string[] = [];
  let position = from;
  for (const edit of sorted) {
    if (edit.start < position || edit.end > to) throw new RangeError('edits overlap or leave the text');
    parts.push(text.slice(position, edit.start), edit.replacement);
    position = edit.end;
  }
  parts.push(text.slice(position, to));
  return parts.join('');
}

/** They are few, and most of them stand in their order: each goes in front of those that belong behind it. */
function inOrder(edits: readonly Edit[]): readonly Edit[] {
  const sorted: Edit[] = [];
  for (const edit of edits) {
    let place = sorted.length;
    for (; place > 0 && isBehind(sorted[place - 1], edit); place--);
    sorted.splice(place, 0, edit);
  }
  return sorted;
}

const isBehind = (one: Edit | undefined, other: Edit): boolean =>
  one !== undefined && (one.start > other.start || (one.start === other.start && one.end > other.end));

export function jsonProperty(key: string, json: string): string {
  return `${JSON.stringify(key)}:${json}`;
}

export function replaceValue(property: JsonProperty, json: string): Edit {
  return { start: property.valueStart, end: property.valueEnd, replacement: json };
}

/** Inserts printed properties (`"key":value`) behind `after`, or before all others. */
export function insertProperties(
  object: JsonObject,
  after: JsonProperty | undefined,
  properties: readonly string[],
): Edit {
  const printed = properties.join(',');
  if (after !== undefined) return insertion(after.valueEnd, `,${printed}`);
  const first = object.properties[0];
  return first ? insertion(first.keyStart, `${printed},`) : insertion(object.start + 1, printed);
}

/** Removes the properties of these keys, then adds printed ones at the end; commas stay right in every case. */
export function changeProperties(object: JsonObject, remove: readonly string[], append: readonly string[]): Edit[] {
  const all = object.properties;
  if (!all.some(({ key }) => remove.includes(key))) {
    return append.length === 0 ? [] : [insertProperties(object, all.at(-1), append)];
  }
  const removed = new Set(remove);
  const kept = all.filter(({ key }) => !removed.has(key));
  const edits: Edit[] = [];
  const lastKept = kept.at(-1);
  if (append.length > 0) {
    const printed = append.join(',');
    if (lastKept) edits.push(insertion(lastKept.valueEnd, `,${printed}`));
    else edits.push(insertion(all[0]?.keyStart ?? object.start + 1, printed));
  }
  all.forEach((property, index) => {
    if (!removed.has(property.key)) return;
    const next = all[index + 1];
    const behindKept = lastKept === undefined || property.keyStart > lastKept.keyStart;
    if (!behindKept && next) edits.push(deletion(property.keyStart, next.keyStart));
  });
  const tail = all.at(-1);
  const first = all[0];
  if (tail && first && tail !== lastKept) edits.push(deletion(lastKept?.valueEnd ?? first.keyStart, tail.valueEnd));
  return edits;
}

/** Adds elements at the end of the array value of `property`; undefined if that is no array. */
export function appendElements(text: string, property: JsonProperty, elements: readonly string[]): Edit | undefined {
  if (!isArrayAt(text, property.valueStart)) return undefined;
  const closing = property.valueEnd - 1;
  const position = property.valueStart + 1 + text.slice(property.valueStart + 1, closing).trimEnd().length;
  const isEmpty = position === property.valueStart + 1;
  return insertion(position, `${isEmpty ? '' : ','}${elements.join(',')}`);
}

function insertion(position: number, replacement: string): Edit {
  return { start: position, end: position, replacement };
}

function deletion(start: number, end: number): Edit {
  return { start, end, replacement: '' };
}
