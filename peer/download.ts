import { ExchangeError } from '../fhir/errors.ts';
import type { PeerResponse } from './http.ts';
import { transportCode } from './transport-error.ts';

export interface DownloadOptions {
  /** The manifest's `requiresAccessToken`: without it no bearer is sent. */
  readonly withToken: boolean;
  /** Bytes of the transfer that are there already; used together with a strong `etag` alone. */
  readonly offset?: number;
  /** Validator of the answer that those bytes came from. */
  readonly etag?: string;
  /** Content-Encoding of those bytes. */
  readonly contentEncoding?: string;
  /** Default true. */
  readonly acceptGzip?: boolean;
}

export interface Download {
  /** `partial`: the body goes on at `offset`; `full`: it begins at 0, whatever was asked for. */
  readonly status: 'full' | 'partial';
  /** Of this body, as it is transferred. */
  readonly contentLength: number | undefined;
  /** `gzip`, …; undefined for identity. */
  readonly contentEncoding: string | undefined;
  readonly etag: string | undefined;
  /**
   * The bytes of the transfer, Content-Encoding still on (`decodeStream` takes it off). Read to its end or `discard`.
   * Throws ExchangeError `file-damaged` where it ends before its Content-Length, `download-failed` where it stalls.
   */
  readonly body: AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
}

export interface Resume {
  readonly offset: number;
  readonly etag: string;
  readonly contentEncoding: string | undefined;
}

/** What can be gone on with: only a strong validator says that the bytes are the same ones (RFC 9110, 13.1.5). */
export function resumable({ offset = 0, etag, contentEncoding }: DownloadOptions): Resume | undefined {
  if (offset === 0 || etag === undefined || !isStrong(etag)) return undefined;
  return { offset, etag, contentEncoding: encodingOf(contentEncoding) };
}

export function rangeHeaders(resume: Resume | undefined): Readonly<Record<string, string>> {
  return resume === undefined ? {} : { range: `bytes=${resume.offset}-`, 'if-range': resume.etag };
}

/** True where a 206 is the rest of just those bytes. */
export function continues(response: PeerResponse, resume: Resume): boolean {
  const [, start] = /^bytes (\d+)-\d+\//.exec(response.header('content-range') ?? '') ?? [];
  const etag = response.header('etag');
  return (
    response.status === 206 &&
    Number(start) === resume.offset &&
    (etag === undefined || etag === resume.etag) &&
    encodingOf(response.header('content-encoding')) === resume.contentEncoding
  );
}

export function downloadOf(response: PeerResponse, status: Download['status']): Download {
  const length = response.header('content-length');
  const contentLength = length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
  return {
    status,
    contentLength,
    contentEncoding: encodingOf(response.header('content-encoding')),
    etag: response.header('etag'),
    body: checkedBody(response.body, contentLength),
    discard: async () => {
      // Not drained: what is left may be gigabytes.
      response.body.on('error', () => undefined).destroy();
      return Promise.resolve();
    },
  };
}

async function* checkedBody(
  body: AsyncIterable<Uint8Array>,
  contentLength: number | undefined,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    for await (const chunk of body) {
      received += chunk.byteLength;
      yield chunk;
    }
  } catch (error) {
    throw bodyError(error, received);
  }
  if (contentLength !== undefined && received !== contentLength) {
    throw new ExchangeError('file-damaged', { detail: `${received} of ${contentLength} bytes arrived` });
  }
}

/** The connection's end in the middle of a body (Content-Length not reached, last chunk missing). */
const CUT: ReadonlySet<string> = new Set([
  'UND_ERR_SOCKET',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'ECONNRESET',
  'EPIPE',
]);

function bodyError(error: unknown, received: number): unknown {
  const code = transportCode(error);
  // An abort is the caller's own, and comes through as it is.
  if (code === undefined) return error;
  const isCut = CUT.has(code) || code.startsWith('HPE_');
  const detail = `${code} after ${received} bytes`;
  return new ExchangeError(isCut ? 'file-damaged' : 'download-failed', { detail, cause: error });
}

function isStrong(etag: string): boolean {
  return /^"[^"]*"$/.test(etag);
}

function encodingOf(header: string | undefined): string | undefined {
  const name = header?.trim().toLowerCase();
  if (name === undefined || name === '' || name === 'identity') return undefined;
  return name === 'x-gzip' ? 'gzip' : name;
}
