import { ExchangeError } from './errors.ts';
import { appendElements, applyEdits, changeProperties, insertProperties, jsonProperty } from './json-edits.ts';
import type { Edit } from './json-edits.ts';
import { isObjectAt, objectAt, propertyOf, rootStart } from './json-text.ts';
import type { JsonObject } from './json-text.ts';
import { mandatoryElements } from './mandatory-elements.ts';

const SUBSETTED = '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}';

/** What is needed to read the rest: who it is, what changes its meaning, and what references inside point to. */
const ALWAYS: ReadonlySet<string> = new Set([
  ...['resourceType', 'id', 'meta', 'implicitRules', 'modifierExtension', 'contained'],
]);

/** Names of data types, as they stand behind the name of an element that may have several: `value` is `valueQuantity`. */
const CHOICE =
  /^(Address|Age|Annotation|Attachment|Base64Binary|Boolean|Code|CodeableConcept|Coding|ContactPoint|Count|Date|DateTime|Decimal|Duration|Id|Identifier|Instant|Integer|Markdown|Money|Period|PositiveInt|Quantity|Range|Ratio|Reference|SampledData|Signature|String|Time|Timing|UnsignedInt|Uri|Url|Uuid|Canonical|Oid)$/;

/**
 * The elements of `_elements`, split at commas (Bulk Data 2.0: `element` for every type, or `Type.element`).
 * @throws ExchangeError `request-invalid` for what is neither
 */
export function readElements(values: readonly string[]): readonly string[] {
  const elements = values.flatMap((value) => value.split(',')).map((element) => element.trim());
  if (!elements.every((element) => /^(?:[A-Z][A-Za-z]*\.)?[a-z][A-Za-z]*$/.test(element))) {
    throw new ExchangeError('request-invalid', {
      expression: `Parameters.parameter.where(name = '_elements').value`,
      diagnostics: 'Accepted: elements of the root, each as element or Type.element.',
    });
  }
  return elements;
}

/** The names that resources of the type keep besides what they must have; undefined where they are not narrowed. */
export function elementsOfType(elements: readonly string[], type: string): readonly string[] | undefined {
  const own = elements.flatMap((element) => {
    const [, prefix, name = ''] = /^(?:([A-Z][A-Za-z]*)\.)?(\w+)$/.exec(element) ?? [];
    return prefix === undefined || prefix === type ? [name] : [];
  });
  return own.length === 0 ? undefined : own;
}

/** The text with these elements of its root and the mandatory ones, tagged SUBSETTED; what stays keeps every byte. */
export function withElements(text: string, type: string, names: readonly string[]): string {
  const root = objectAt(text, rootStart(text));
  const kept = new Set([...names, ...mandatoryElements(type)]);
  const isKept = (key: string): boolean => {
    const name = key.replace(/^_/, '');
    if (ALWAYS.has(name) || kept.has(name)) return true;
    return splits(name).some(([base, choice]) => kept.has(base) && CHOICE.test(choice));
  };
  const removed = root.properties.map(({ key }) => key).filter((key) => !isKept(key));
  return applyEdits(text, [...changeProperties(root, removed, []), ...tagEdits(text, root)]);
}

/** `effectiveDateTime` → `effective` `DateTime`, `effectiveDate` `Time`. */
function splits(name: string): readonly (readonly [string, string])[] {
  return [...name.matchAll(/[A-Z]/g)].map(({ index }) => [name.slice(0, index), name.slice(index)] as const);
}

function tagEdits(text: string, root: JsonObject): readonly Edit[] {
  const meta = propertyOf(root, 'meta');
  if (meta === undefined || !isObjectAt(text, meta.valueStart)) {
    const after = propertyOf(root, 'id') ?? propertyOf(root, 'resourceType');
    return meta === undefined ? [insertProperties(root, after, [jsonProperty('meta', `{"tag":[${SUBSETTED}]}`)])] : [];
  }
  const object = objectAt(text, meta.valueStart);
  const tag = propertyOf(object, 'tag');
  const appended = tag === undefined ? undefined : appendElements(text, tag, [SUBSETTED]);
  if (appended !== undefined) return [appended];
  return tag === undefined ? [insertProperties(object, undefined, [jsonProperty('tag', `[${SUBSETTED}]`)])] : [];
}
