import { parseReference } from './identifiers.ts';
import type { BusinessIdentifier } from './identifiers.ts';

export interface SharedReferences {
  readonly literals: readonly { readonly type: string; readonly id: string }[];
  readonly conditionals: readonly ({ readonly type: string } & BusinessIdentifier)[];
}

/** In JSON text the quotes of a string are escaped: what this finds is a property, at whatever depth. */
const REFERENCE = /"reference"\s*:\s*("[A-Z](?:[^"\\]|\\.)*")/g;

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
