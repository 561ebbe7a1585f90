import { BACKSLASH, QUOTE } from './json-tokens.ts';

/** Where the tokens of JSON end, exactly as `JSON.parse` decides: for a text that nobody has parsed yet. */

/** There is no such token. */
export const NOTHING = -1;

const WORDS = new Map<number, string>([
  [0x74, 'true'],
  [0x66, 'false'],
  [0x6e, 'null'],
]);

/** Offset behind the string that opens at `from`; NOTHING where an escape stands in it, or it is none. */
export function plainStringEnd(text: string, from: number): number {
  let at = from + 1;
  let code = text.charCodeAt(at);
  while (code !== QUOTE && code !== BACKSLASH && code >= 0x20) code = text.charCodeAt(++at);
  return code === QUOTE ? at + 1 : NOTHING;
}

/** Offset behind the string that opens at `from`; NOTHING where it is none that JSON allows. */
export function strictStringEnd(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) {
      const behind = escapeEnd(text, at + 1);
      if (behind === NOTHING) return NOTHING;
      at = behind;
      continue;
    }
    // Behind the end of the text the code is NaN, which is not greater than anything.
    if (!(code >= 0x20)) return NOTHING;
    at++;
  }
}

function escapeEnd(text: string, at: number): number {
  switch (text.charCodeAt(at)) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 1;
    case 0x75: // u
      for (let digit = 1; digit <= 4; digit++) if (!isHexDigit(text.charCodeAt(at + digit))) return NOTHING;
      return at + 5;
    default:
      return NOTHING;
  }
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

function isHexDigit(code: number): boolean {
  return isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66);
}

/** Offset behind the number, `true`, `false` or `null`; NOTHING where there is none. */
export function strictLiteralEnd(text: string, from: number, code: number): number {
  const word = WORDS.get(code);
  if (word !== undefined) return text.startsWith(word, from) ? from + word.length : NOTHING;
  let at = code === 0x2d ? from + 1 : from;
  if (text.charCodeAt(at) === 0x30) at++;
  else at = digitsEnd(text, at);
  if (at !== NOTHING && text.charCodeAt(at) === 0x2e) at = digitsEnd(text, at + 1);
  if (at === NOTHING || (text.charCodeAt(at) | 0x20) !== 0x65) return at;
  at++;
  const sign = text.charCodeAt(at);
  return digitsEnd(text, sign === 0x2b || sign === 0x2d ? at + 1 : at);
}

/** Behind one digit or more. */
function digitsEnd(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at++;
  return at === from ? NOTHING : at;
}
