import type { BusinessIdentifier } from './identifiers.ts';

/** A resource by its id, or by what identifies it. */
export type ListedReference =
  { readonly type: string; readonly id: string } | ({ readonly type: string } & BusinessIdentifier);

/** Longer ones are not listed: what has been met of the lists is kept in memory. */
export const LONGEST_LISTED = 400;

/** Printable, and neither a space nor what an escape begins with nor what stands between system and value. */
const PLAIN = /^[!#$&-[\]-{}~]+$/;

/**
 * The word by which a conditional reference stands in the list beside a record: `Type?system|value`, where a literal one
 * is `Type/id`. It holds no space. What would end it too early is percent-encoded, and undefined is what cannot be.
 */
export function listedConditional(type: string, { system, value }: BusinessIdentifier): string | undefined {
  try {
    const word = `${type}?${encoded(system)}|${encoded(value)}`;
    return word.length <= LONGEST_LISTED ? word : undefined;
  } catch {
    // Half of a surrogate pair is no character.
    return undefined;
  }
}

/** What a word of the list names. */
export function listedReference(word: string): ListedReference {
  const question = word.indexOf('?');
  if (question === -1) {
    const [type = '', id = ''] = word.split('/');
    return { type, id };
  }
  const bar = word.indexOf('|', question);
  const [system, value] = [word.slice(question + 1, bar), word.slice(bar + 1)];
  return { type: word.slice(0, question), system: decodeURIComponent(system), value: decodeURIComponent(value) };
}

const encoded = (text: string): string => (PLAIN.test(text) ? text : encodeURIComponent(text));
