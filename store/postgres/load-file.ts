import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { decodeUtf8, splitLines } from '../../fhir/ndjson.ts';
import { readDocument } from './load-document.ts';
import type { LoadedRecord, LoadProblem } from './load-document.ts';

const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** Of a document over several lines (a printed Bundle), which is held as one string. */
const MAX_DOCUMENT_BYTES = 256 * 1024 * 1024;

/** The records of one file: NDJSON, or one JSON text over several lines; gzip is recognised by its first bytes. */
export async function* readLoadFile(
  file: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<LoadedRecord | LoadProblem> {
  let line = 0;
  try {
    for await (const document of documentsOf(file, onBytes)) {
      line = document.line;
      if (document.text === undefined) yield { kind: 'problem', line, reason: document.reason };
      else yield* readDocument(document.text, line);
    }
  } catch (error) {
    if (!isDamagedGzip(error)) throw error;
    yield { kind: 'problem', line: line + 1, reason: 'malformed-json' };
  }
}

type Document =
  | { readonly line: number; readonly text: string }
  | { readonly line: number; readonly text: undefined; readonly reason: 'too-long' | 'malformed-json' };

/** Each line by itself, unless the first one is only the beginning of a text. */
async function* documentsOf(file: string, onBytes: (bytes: number) => void): AsyncGenerator<Document> {
  const printed: string[] = [];
  let isPrinted: boolean | undefined;
  let printedBytes = 0;
  for await (const line of splitLines(await bytesOf(file, onBytes), { maxLineBytes: MAX_LINE_BYTES })) {
    const { number } = line;
    const text = line.tooLong ? undefined : decodeUtf8(line.bytes);
    if (text === undefined || printedBytes > MAX_DOCUMENT_BYTES) {
      yield {
        line: number,
        text: undefined,
        reason: text === undefined && !line.tooLong ? 'malformed-json' : 'too-long',
      };
      if (isPrinted !== true) continue;
      return;
    }
    if (text.trim() !== '') isPrinted ??= !isWhole(text) && !/\.(ndjson|jsonl)(\.gz)?$/i.test(file);
    if (isPrinted === true || isPrinted === undefined) {
      printed.push(text);
      printedBytes += line.bytes.length;
    } else if (text.trim() !== '') {
      yield { line: number, text };
    }
  }
  if (isPrinted === true) yield { line: 1, text: printed.join('\n') };
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    // The first line of a printed text, or a damaged line: the file's name tells which.
    return false;
  }
}

async function bytesOf(file: string, onBytes: (bytes: number) => void): Promise<AsyncIterable<Uint8Array>> {
  const handle = await open(file);
  const magic = Buffer.alloc(2);
  await handle.read(magic, 0, 2, 0).finally(() => handle.close());
  const source = createReadStream(file, { highWaterMark: 1024 * 1024 });
  source.on('data', (chunk) => {
    onBytes(chunk.length);
  });
  source.pause();
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return source;
  const unzipped = createGunzip({ chunkSize: 256 * 1024 });
  source.on('error', (error) => unzipped.destroy(error));
  return source.pipe(unzipped);
}

function isDamagedGzip(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && String(error.code).startsWith('Z_');
}
