import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { BlobStore } from './blobs.ts';
import type { ExchangeFile } from './exchange-files.ts';

/** Content-Encodings in which a received file is kept as it came. */
export const KEPT_ENCODINGS: ReadonlySet<string | undefined> = new Set([undefined, 'gzip']);

/** The bytes of a kept file, [start, end) of them, without a Content-Encoding: behind one, what lies before is passed over. */
export function readKept(
  blobs: BlobStore,
  { keptBlob, keptEncoding }: Pick<ExchangeFile, 'keptBlob' | 'keptEncoding'>,
  start = 0,
  end = Number.MAX_SAFE_INTEGER,
): AsyncIterable<Uint8Array> {
  if (keptBlob === undefined) throw new Error('The file was not looked through yet.');
  if (keptEncoding === undefined) return blobs.read(keptBlob, start, end);
  return slice(gunzipped(blobs.read(keptBlob)), start, end);
}

async function* gunzipped(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(bytes, { objectMode: false });
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  // The error reaches the loop below through the decoder, which the pipeline destroys with it.
  pipeline(source, gunzip, () => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } finally {
    source.destroy();
  }
}

async function* slice(chunks: AsyncIterable<Uint8Array>, start: number, end: number): AsyncGenerator<Uint8Array> {
  let position = 0;
  for await (const chunk of chunks) {
    const from = Math.max(start - position, 0);
    const to = Math.min(end - position, chunk.length);
    if (from < to) yield from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
    position += chunk.length;
    if (position >= end) return;
  }
}
