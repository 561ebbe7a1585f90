import { ExchangeError } from '../fhir/errors.ts';

/** Where the content of a wrapped file must have begun. */
const HEAD_BYTES = 64 * 1024;
const QUOTE = 0x22;

/**
 * A file of NDJSON that a server hands out as one FHIR Binary (base64 inside JSON), as the NDJSON that it is; every other
 * file as it comes. `type` is what the manifest says of the file: one of Binaries holds them line by line.
 * @throws ExchangeError `file-damaged` when the Binary breaks off
 */
export async function* unwrapBinary(
  chunks: AsyncIterable<Uint8Array>,
  type: string | undefined,
  onWrapped: () => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let content: Base64Content | undefined;
  for await (const chunk of chunks) {
    if (head !== undefined) {
      head = Buffer.concat([head, chunk]);
      const start = contentStart(head, type);
      if (start === 'unknown' && head.length < HEAD_BYTES) continue;
      const rest: Buffer = head;
      head = undefined;
      if (typeof start !== 'number') {
        yield rest;
        continue;
      }
      onWrapped();
      content = new Base64Content();
      yield content.decode(rest.subarray(start));
    } else if (content !== undefined) {
      yield content.decode(chunk);
    } else {
      yield chunk;
    }
  }
  if (head !== undefined && head.length > 0) yield head;
  if (content?.ended === false) throw new ExchangeError('file-damaged', { detail: 'a Binary breaks off' });
}

/** Offset of the base64 text; `unknown` where the first bytes do not tell yet, undefined where this is no such file. */
function contentStart(head: Buffer, type: string | undefined): number | 'unknown' | undefined {
  if (type === 'Binary') return undefined;
  const text = head.toString('latin1');
  if (/^\s*$/.test(text)) return 'unknown';
  if (!/^\s*\{/.test(text)) return undefined;
  const data = /"data"\s*:\s*"/.exec(text);
  const before = data === null ? text : text.slice(0, data.index);
  // A second line: whatever it is, it is no single Binary.
  if (/\}[ \t\r]*\n\s*\{/.test(before)) return undefined;
  const named = /"resourceType"\s*:\s*"([A-Za-z]+)"/.exec(before)?.[1];
  if (named !== undefined && named !== 'Binary') return undefined;
  if (data === null) return 'unknown';
  const isNdjson = /"contentType"\s*:\s*"[^"]*ndjson/i.test(before);
  return named === 'Binary' && (isNdjson || type !== undefined) ? data.index + data[0].length : undefined;
}

/** Base64 in pieces, up to the quote that ends it; what stands behind it is no content. */
class Base64Content {
  ended = false;
  #waiting = '';

  decode(bytes: Uint8Array): Buffer {
    if (this.ended) return Buffer.alloc(0);
    const end = bytes.indexOf(QUOTE);
    this.ended = end !== -1;
    const piece = Buffer.from(this.ended ? bytes.subarray(0, end) : bytes).toString('latin1');
    // JSON may write a slash as `\/`.
    const text = this.#waiting + piece.replaceAll('\\', '');
    const whole = this.ended ? text.length : text.length - (text.length % 4);
    this.#waiting = text.slice(whole);
    return Buffer.from(text.slice(0, whole), 'base64');
  }
}
