/** The characters of JSON text: where a token that `JSON.parse` has accepted starts and ends. */

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

export function isSpace(code: number): boolean {
  return code === SPACE || code === LINE_FEED || code === RETURN || code === TAB;
}

export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** Offset behind the string that opens at `from`. */
export function stringEnd(text: string, from: number): number {
  let quote = text.indexOf('"', from + 1);
  while (quote !== -1) {
    let run = quote;
    while (text.charCodeAt(run - 1) === BACKSLASH) run--;
    if ((quote - run) % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}

/** Offset behind the number, `true`, `false` or `null` at `from`. */
function literalEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)) break;
    at++;
  }
  return at;
}

/** Offset behind the value that starts at `from`. */
export function valueEnd(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return stringEnd(text, from);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return literalEnd(text, from);
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
      continue;
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
    at++;
    if (depth === 0) break;
  }
  return at;
}

export function valueStart(text: string, keyEnd: number): number {
  let at = skipSpace(text, keyEnd);
  if (text.charCodeAt(at) === COLON) at++;
  return skipSpace(text, at);
}

/** The string value at `from`, decoded: a copy that does not keep the whole text in memory as a slice of it would. */
export function stringAt(text: string, from: number): string {
  const decoded: unknown = JSON.parse(text.slice(from, stringEnd(text, from)));
  return typeof decoded === 'string' ? decoded : '';
}

export function keyAt(text: string, from: number): string {
  const raw = text.slice(from + 1, stringEnd(text, from) - 1);
  return raw.includes('\\') ? stringAt(text, from) : raw;
}

export function isStringAt(text: string, at: number): boolean {
  return text.charCodeAt(at) === QUOTE;
}

export function isObjectAt(text: string, at: number): boolean {
  return text.charCodeAt(at) === OPEN_BRACE;
}

export function isArrayAt(text: string, at: number): boolean {
  return text.charCodeAt(at) === OPEN_BRACKET;
}
