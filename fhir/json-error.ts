const TOKEN =
  /([{}[\],:])|("[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end';

/**
 * Offset of the first character at which the text stops being JSON; undefined for JSON. For telling where: whether a text
 * is JSON is said by `JSON.parse`, whose messages do not always name the place and quote the text.
 */
export function jsonErrorOffset(text: string): number | undefined {
  const open: string[] = [];
  let expected: Expected = 'value';
  let at = skip(SPACE, text, 0);
  while (at < text.length) {
    const end = skip(TOKEN, text, at);
    const next: Expected | undefined = end === at ? undefined : following(text.slice(at, at + 1), expected, open);
    if (next === undefined) return at;
    expected = next;
    at = skip(SPACE, text, end);
  }
  return open.length === 0 && expected === ', or end' ? undefined : text.length;
}

/** What comes after a token that starts with this character; undefined where the token has no place. */
function following(first: string, expected: Expected, open: string[]): Expected | undefined {
  switch (first) {
    case '{':
    case '[':
      if (!expected.startsWith('value')) return undefined;
      open.push(first);
      return first === '{' ? 'key or }' : 'value or ]';
    case '}':
      return (expected === 'key or }' || expected === ', or end') && open.pop() === '{' ? ', or end' : undefined;
    case ']':
      return (expected === 'value or ]' || expected === ', or end') && open.pop() === '[' ? ', or end' : undefined;
    case ',':
      if (expected !== ', or end' || open.length === 0) return undefined;
      return open.at(-1) === '{' ? 'key' : 'value';
    case ':':
      return expected === ':' ? 'value' : undefined;
    default:
      if (expected.startsWith('key')) return first === '"' ? ':' : undefined;
      return expected.startsWith('value') ? ', or end' : undefined;
  }
}

function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
}

/** From 1. */
export function lineOfOffset(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}
