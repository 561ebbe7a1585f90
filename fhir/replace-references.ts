import { applyEdits, replaceValue } from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { isStringAt, propertyOf, stringAt } from './json-text.ts';
import type { JsonProperty } from './json-text.ts';
import { scanRecord } from './record-scan.ts';

/** Every string at a `reference`, at any depth of the text of a resource. */
export function referencesIn(text: string): string[] {
  return referenceProperties(text).map(({ valueStart }) => stringAt(text, valueStart));
}

/** The text with each reference that `replacements` names put in the other form; all else as it was. */
export function withReferences(text: string, replacements: ReadonlyMap<string, string>): string {
  if (replacements.size === 0) return text;
  const edits = referenceProperties(text).flatMap((property): Edit[] => {
    const replacement = replacements.get(stringAt(text, property.valueStart));
    return replacement === undefined ? [] : [replaceValue(property, JSON.stringify(replacement))];
  });
  return edits.length === 0 ? text : applyEdits(text, edits);
}

function referenceProperties(text: string): JsonProperty[] {
  const objects = scanRecord(text)?.references ?? [];
  return objects.flatMap((object) => {
    const property = propertyOf(object, 'reference');
    return property !== undefined && isStringAt(text, property.valueStart) ? [property] : [];
  });
}
