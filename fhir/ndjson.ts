import { isAscii } from 'node:buffer';

/** One line of an NDJSON stream; positions are byte offsets in the stream. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly start: number;
  /** Behind the newline: where the next line starts. */
  readonly end: number;
  /** Without newline, carriage return and byte order mark; empty for a blank line and for one that is too long. */
  readonly bytes: Uint8Array;
  /** False for a last line that no newline ends. */
  readonly terminated: boolean;
  readonly tooLong: boolean;
}

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const NOTHING = new Uint8Array();

/**
 * Splits a stream into lines (http://ndjson.org), however its chunks fall. Memory holds one line at the most: what is
 * longer than `maxLineBytes` is passed over and handed out without its bytes.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, limits: LineLimits): AsyncGenerator<Line> {
  for await (const lines of linesOfChunks(chunks, limits)) yield* lines;
}

export interface LineLimits {
  readonly maxLineBytes: number;
}

/** The same, for each chunk the lines that end in it: whoever reads millions of lines does not wait for each of them. */
export async function* linesOfChunks(
  chunks: AsyncIterable<Uint8Array>,
  { maxLineBytes }: LineLimits,
): AsyncGenerator<readonly Line[]> {
  let number = 0;
  let start = 0;
  let length = 0;
  let parts: Uint8Array[] = [];
  const take = (terminated: boolean): Line => {
    number++;
    const tooLong = length > maxLineBytes;
    const end = start + length + (terminated ? 1 : 0);
    const line = { number, start, end, bytes: tooLong ? NOTHING : content(parts, start === 0), terminated, tooLong };
    start = end;
    length = 0;
    parts = [];
    return line;
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      length += at - from;
      if (length <= maxLineBytes) parts.push(chunk.subarray(from, at));
      lines.push(take(true));
      from = at + 1;
    }
    if (lines.length > 0) yield lines;
    if (from === chunk.length) continue;
    length += chunk.length - from;
    if (length <= maxLineBytes) parts.push(chunk.subarray(from));
    else parts = [];
  }
  if (length > 0) yield [take(false)];
}

/** Joins the pieces of a line; a byte order mark is taken off the first line of a stream, a carriage return off every one. */
function content(parts: readonly Uint8Array[], isFirst: boolean): Uint8Array {
  const [only = NOTHING] = parts;
  const bytes = parts.length > 1 ? Buffer.concat(parts) : only;
  const hasMark = isFirst && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length;
  return bytes.subarray(hasMark ? 3 : 0, end);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text, or undefined where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  // Most lines are ASCII, whose characters are their bytes.
  if (isAscii(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
