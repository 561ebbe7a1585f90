import { CLAIM_TYPES } from './claim-types.ts';

/** Where one of these stands already, only a look at the whole text tells how the store's own are set. */
export const SERVER_META: readonly string[] = ['versionId', 'lastUpdated'];

/** What goes out as it is where no rule applies. */
export const SERVER_META_ALONE = new RegExp(`"(?:${SERVER_META.join('|')})"`, 'g');

/**
 * Words without which no rule of disclosure touches a text of the type: labels, dates of the years that a look-back leaves
 * out or cuts, in claims also what prior authorizations and amounts are known by; and SERVER_META. A text that holds one has
 * to be read; the others go out as they are. The pattern is global: it finds its way through many texts in one go.
 */
export function telltales(type: string, yearsKeptFrom: number): RegExp {
  const words = CLAIM_TYPES.has(type) ? [...WORDS, ...CLAIM_WORDS] : WORDS;
  // A name of an element may be written with escapes.
  return new RegExp(`"(?:${earlierThan(yearsKeptFrom)}["-]|(?:${words.join('|')})")|\\\\[u/]`, 'g');
}

const WORDS: readonly string[] = ['security', ...SERVER_META];

/** By which prior authorizations and amounts are known. */
export const CLAIM_WORDS: readonly string[] = [
  ...['preauthorization', 'payment', 'benefitBalance', 'net', 'unitPrice', 'costToBeneficiary', 'total', 'amount'],
  ...['valueMoney', 'currency', 'urn:iso:std:iso:4217'],
  ...['copay', 'copayment', 'coinsurance', 'deductible', 'eligpercent'],
];

/** Finds an earlier year: `2022` → `[0-1]\d\d\d`, `20[0-1]\d` or `202[0-1]`. */
function earlierThan(year: number): string {
  const digits = String(year).padStart(4, '0');
  const earlier = [...digits].flatMap((digit, at) =>
    digit === '0' ? [] : [`${digits.slice(0, at)}[0-${Number(digit) - 1}]${'\\d'.repeat(3 - at)}`],
  );
  return `(?:${earlier.join('|')})`;
}
