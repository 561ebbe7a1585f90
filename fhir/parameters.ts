import { ExchangeError } from './errors.ts';
import { elementsAt, isArrayAt, isObjectAt, objectAt, propertyOf, rootStart, stringAt } from './json-text.ts';

/** One entry of a Parameters resource: its text as it was posted, and where it stands. */
export interface ParameterEntry {
  readonly name: string;
  /** The entry's own JSON text. */
  readonly text: string;
  /** The entry, parsed: for looking only. */
  readonly value: Readonly<Record<string, unknown>>;
  /** FHIRPath of the entry (`Parameters.parameter[2]`). */
  readonly path: string;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const invalid = (expression: string, diagnostics: string): ExchangeError =>
  new ExchangeError('request-invalid', { expression, diagnostics });

/**
 * The entries of a Parameters resource.
 * @throws ExchangeError `request-invalid` when the text is no JSON or no Parameters resource
 */
export function readParameters(text: string, path = 'Parameters'): readonly ParameterEntry[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid(path, 'The body must be JSON.');
  }
  if (!isRecord(parsed) || parsed['resourceType'] !== 'Parameters') {
    throw invalid(path, 'A Parameters resource is expected.');
  }
  return entriesOf(text, 'parameter', path);
}

/** The parts of an entry, or the entries of the Parameters resource that it holds: both published forms mean the same. */
export function readPartsOrResource(entry: ParameterEntry): readonly ParameterEntry[] {
  const resource = entry.value['resource'];
  if (resource !== undefined) {
    const text = propertyText(entry.text, 'resource');
    return readParameters(text, `${entry.path}.resource`);
  }
  return entriesOf(entry.text, 'part', entry.path);
}

/** The text of a property of the object at the root of `text`; `null` where it is not there. */
export function propertyText(text: string, key: string): string {
  const property = propertyOf(objectAt(text, rootStart(text)), key);
  return property === undefined ? 'null' : text.slice(property.valueStart, property.valueEnd);
}

function entriesOf(text: string, key: string, path: string): readonly ParameterEntry[] {
  const list = propertyOf(objectAt(text, rootStart(text)), key);
  if (list === undefined) return [];
  if (!isArrayAt(text, list.valueStart)) throw invalid(`${path}.${key}`, 'An array is expected.');
  return elementsAt(text, list.valueStart).map(({ start, end }, index) => {
    const at = `${path}.${key}[${index}]`;
    if (!isObjectAt(text, start)) throw invalid(at, 'An object with a name is expected.');
    const name = propertyOf(objectAt(text, start), 'name');
    if (name === undefined || text[name.valueStart] !== '"') throw invalid(`${at}.name`, 'A name is required.');
    const entry = text.slice(start, end);
    const value: unknown = JSON.parse(entry);
    return { name: stringAt(text, name.valueStart), text: entry, value: isRecord(value) ? value : {}, path: at };
  });
}

/** A Parameters resource of these entries, each as it was posted. */
export function printParameters(entries: readonly string[]): string {
  return `{"resourceType":"Parameters","parameter":[${entries.join(',')}]}`;
}
