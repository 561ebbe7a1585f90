import { CLAIM_TYPES } from './claim-types.ts';

/**
 * Whether a look at the text alone tells that no rule of disclosure touches a resource: no claim, no label, no date of
 * the years that a look-back leaves out or cuts. False says nothing: the resource has to be read.
 */
export function isPlainText(type: string, text: string, yearsKeptFrom: number): boolean {
  // A name of an element may be written with escapes.
  if (CLAIM_TYPES.has(type) || text.includes('"security"') || text.includes('\\u')) return false;
  return !before(yearsKeptFrom).test(text);
}

const known = new Map<number, RegExp>();

function before(year: number): RegExp {
  const found = known.get(year) ?? earlierThan(year);
  known.set(year, found);
  return found;
}

/** Finds a string that begins with a date of an earlier year: `2022` → `[0-1]\d\d\d`, `20[0-1]\d` or `202[0-1]`. */
function earlierThan(year: number): RegExp {
  const digits = String(year).padStart(4, '0');
  const earlier = [...digits].flatMap((digit, at) =>
    digit === '0' ? [] : [`${digits.slice(0, at)}[0-${Number(digit) - 1}]${'\\d'.repeat(3 - at)}`],
  );
  return new RegExp(`"(?:${earlier.join('|')})["-]`);
}
