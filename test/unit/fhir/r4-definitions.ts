import { readFileSync } from 'node:fs';

/** The elements of each type of FHIR R4, read from the type declarations of `@types/fhir`. */
export interface R4Element {
  readonly type: string;
  readonly isList: boolean;
}

const source = readFileSync(new URL('../../../node_modules/@types/fhir/r4.d.ts', import.meta.url), 'utf8');

const interfaces = new Map<string, { base: string; elements: Map<string, R4Element> }>();
for (const [, name = '', base = '', body = ''] of source.matchAll(
  /^export interface (\w+)(?:<[^{]*>)?(?: extends (\w+))? \{\n([\s\S]*?)^\}/gm,
)) {
  const elements = new Map<string, R4Element>();
  for (const [, element = '', type = '', list] of body.matchAll(/^ {2}(?:readonly )?(\w+)\??: (\w+)(\[\])?/gm)) {
    elements.set(element, { type, isList: list !== undefined });
  }
  interfaces.set(name, { base, elements });
}

const union = /type FhirResource\s*=([^;]*);/.exec(source)?.[1] ?? '';
export const r4ResourceTypes = [...union.matchAll(/\w+/g)].map(([name]) => name);

export function r4Base(type: string): string | undefined {
  return interfaces.get(type)?.base;
}

/** The element at a dotted path, through backbone elements. */
export function r4Element(type: string, path: string): R4Element | undefined {
  let element: R4Element | undefined = { type, isList: false };
  for (const step of path.split('.')) element = element && interfaces.get(element.type)?.elements.get(step);
  return element;
}
