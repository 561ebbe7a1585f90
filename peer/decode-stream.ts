import { pipeline, Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ExchangeError } from '../fhir/errors.ts';
import { codeOf } from './transport-error.ts';

/** Decoding a chunk costs as much for its way through the thread pool as for 100 KB of text. */
const SIZED = { chunkSize: 256 * 1024 };

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(SIZED),
  'x-gzip': () => createGunzip(SIZED),
  deflate: () => createInflate(SIZED),
  br: () => createBrotliDecompress(SIZED),
};

/**
 * Takes a Content-Encoding off a body.
 * @throws ExchangeError `file-damaged` when the encoding breaks off or fails its checksum, `peer-invalid` when the
 * encoding is unknown; errors of the body itself come through as they are
 */
export async function* decodeStream(
  body: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
): AsyncGenerator<Uint8Array> {
  const name = encoding?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') {
    yield* body;
    return;
  }
  const create = DECODERS[name];
  if (create === undefined) throw new ExchangeError('peer-invalid', { detail: 'unknown Content-Encoding' });
  const source = Readable.from(body, { objectMode: false });
  const decoder = create();
  // The error reaches the loop below through the decoder, which the pipeline destroys with it.
  pipeline(source, decoder, () => undefined);
  try {
    for await (const chunk of decoder) yield asBytes(chunk);
  } catch (error) {
    throw isDecoderError(error) ? damaged(error) : error;
  } finally {
    source.destroy();
  }
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('a decoder gave something else than bytes');
}

function isDecoderError(error: unknown): boolean {
  return /^(Z_|ERR__?ERROR_|ERR_BROTLI|ERR_PADDING)/.test(codeOf(error) ?? '');
}

function damaged(cause: unknown): ExchangeError {
  return new ExchangeError('file-damaged', { detail: 'the Content-Encoding breaks off or is damaged', cause });
}
