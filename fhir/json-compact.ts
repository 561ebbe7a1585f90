import { QUOTE, isSpace, stringEnd } from './json-tokens.ts';

/** JSON text without the white space between its tokens, everything else as it was: what fits on a line of NDJSON. */
export function compactJson(text: string): string {
  const parts: string[] = [];
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (!isSpace(code)) at++;
    else {
      parts.push(text.slice(from, at));
      while (isSpace(text.charCodeAt(at))) at++;
      from = at;
    }
  }
  if (parts.length === 0) return text;
  parts.push(text.slice(from));
  return parts.join('');
}
