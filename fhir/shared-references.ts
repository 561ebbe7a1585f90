import { parseReference } from './identifiers.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { OPEN_TYPES } from './open-types.ts';

export interface SharedReferences {
  readonly literals: readonly { readonly type: string; readonly id: string }[];
  readonly conditionals: readonly ({ readonly type: string } & BusinessIdentifier)[];
}

/** In JSON text the quotes of a string are escaped: what this finds is a property, at whatever depth. */
const REFERENCE = /"reference"\s*:\s*("[A-Z](?:[^"\\]|\\.)*")/g;

/** The same of the types that go along, as they are written without escapes. */
const PLAIN_WORD = new RegExp(`"reference"\\s*:\\s*("(?:${[...OPEN_TYPES, 'Device'].join('|')})[/?][^"\\\\]*")`, 'g');

/** References to resources that go along, in very many texts at once: each word that is not among the seen ones, and where. */
export function* wordsOfSharedReferences(
  text: string,
  seen: ReadonlySet<string>,
): Generator<{ readonly word: string; readonly at: number }> {
  for (const { 1: word = '', index } of text.matchAll(PLAIN_WORD)) if (!seen.has(word)) yield { word, at: index };
}

/** The References of a record to resources of some types, literal or by an identifier; each word of them once. */
export function sharedReferences(
  text: string,
  isWanted: (type: string) => boolean,
  seen: Set<string>,
): SharedReferences {
  const literals: { type: string; id: string }[] = [];
  const conditionals: ({ type: string } & BusinessIdentifier)[] = [];
  for (const [, quoted = '""'] of text.matchAll(REFERENCE)) {
    if (seen.has(quoted)) continue;
    const written = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    const [, type = ''] = /^([A-Za-z]+)[/?]/.exec(written) ?? [];
    if (!isWanted(type)) continue;
    seen.add(quoted);
    const parsed = parseReference(written);
    if (parsed.kind === 'literal') literals.push({ type: parsed.type, id: parsed.id });
    if (parsed.kind === 'conditional' && parsed.identifier)
      conditionals.push({ type: parsed.type, ...parsed.identifier });
  }
  return { literals, conditionals };
}
