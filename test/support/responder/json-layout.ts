/** Lays valid JSON out over lines; strings and numbers stay as they are written, which `JSON.parse` would not grant. */
export function prettyJson(text: string): string {
  let depth = 0;
  let out = '';
  const lineBreak = (): string => `\n${'  '.repeat(depth)}`;
  for (const token of tokensOf(text)) {
    switch (token) {
      case '{':
      case '[':
        depth += 1;
        out += token + lineBreak();
        break;
      case '}':
      case ']':
        depth -= 1;
        out += lineBreak() + token;
        break;
      case ',':
        out += token + lineBreak();
        break;
      case ':':
        out += ': ';
        break;
      default:
        out += token;
    }
  }
  return out;
}

/** An empty object or array is one token. */
function tokensOf(text: string): string[] {
  return (
    text
      .match(/"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}[\],:]|[^\s{}[\],:"]+/g)
      ?.map((token) => (token.startsWith('"') ? token : token.replace(/\s+/g, ''))) ?? []
  );
}
