import { createHash } from 'node:crypto';
import { heartbeat } from '@temporalio/activity';
import { keptBinaryId } from '../../fhir/document-reference.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { isRecord } from '../../fhir/parameters.ts';
import { decodeUtf8, splitLines } from '../../fhir/ndjson.ts';
import type { Line } from '../../fhir/ndjson.ts';
import { isTooDeep } from '../../fhir/storable-json.ts';
import { decodeStream } from '../../peer/decode-stream.ts';
import { unwrapBinary } from '../../peer/unwrap-binary.ts';
import { CHUNK_BYTES } from '../../store/blobs.ts';
import { decodedBlob, transferBlob } from '../../store/exchange-files.ts';
import type { ExchangeFile, FileChanges } from '../../store/exchange-files.ts';
import { KEPT_ENCODINGS } from '../../store/kept-content.ts';
import type { RequesterDeps } from './deps.ts';
import { assertAppended } from './overlap.ts';

/** Of error files, so many lines and bytes are kept for the Task. */
const MOST_OUTCOMES = 1000;
const MOST_OUTCOME_BYTES = 1024 * 1024;

interface Inspection {
  readonly lines: number;
  readonly bytes: number;
  /** Of the bytes as received, without a Content-Encoding: hex, base64. */
  readonly sha256: string;
  readonly sha1: string;
  /** The NDJSON came inside a FHIR Binary. */
  readonly isWrapped: boolean;
  /** The payer's own OperationOutcomes (error files). */
  readonly outcomes: readonly string[];
}

/**
 * Looks through a downloaded file: whole or damaged, how many lines. Afterwards it counts as downloaded. Started again, it
 * begins anew.
 * @throws ExchangeError `file-damaged` (the bytes are thrown away, so that the next try fetches them again)
 */
export async function inspectFile(deps: RequesterDeps, file: ExchangeFile): Promise<void> {
  const { blobs, exchanges, files } = deps;
  const { exchangeId, number } = file;
  const inspection = await inspect(deps, file).catch(async (error: unknown) => {
    if (error instanceof ExchangeError && error.code === 'file-damaged') {
      await blobs.truncate(transferBlob(exchangeId, number));
      await files.change(exchangeId, number, { etag: undefined, contentEncoding: undefined, received: false });
    }
    throw error;
  });
  if (inspection.outcomes.length > 0) {
    await exchanges.keepFailure(exchangeId, { peerOutcome: mergedOutcome(inspection.outcomes) });
  }
  await files.change(exchangeId, number, {
    ...(await keep(deps, file, inspection)),
    ...{ sha256: inspection.sha256, keptSha1: inspection.sha1, keptBytes: inspection.bytes },
    ...{ binaryId: keptBinaryId(exchangeId, number), lines: inspection.lines, downloaded: true },
  });
}

async function inspect(deps: RequesterDeps, file: ExchangeFile): Promise<Inspection> {
  const sha256 = createHash('sha256');
  const sha1 = createHash('sha1');
  const outcomes: string[] = [];
  let lines = 0;
  let bytes = 0;
  let outcomeBytes = 0;
  let isWrapped = false;
  const summed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of decoded(deps, file, () => (isWrapped = true))) {
      sha256.update(chunk);
      sha1.update(chunk);
      bytes += chunk.length;
      heartbeat({ file: file.number, lines });
      yield chunk;
    }
  };
  for await (const line of splitLines(summed(), { maxLineBytes: deps.settings.maxLineBytes })) {
    if (line.bytes.length === 0 && !line.tooLong) continue;
    lines++;
    assertWhole(line);
    if (file.list !== 'error' || line.tooLong || outcomes.length >= MOST_OUTCOMES) continue;
    outcomeBytes += line.bytes.length;
    if (outcomeBytes > MOST_OUTCOME_BYTES) continue;
    outcomes.push(decodeUtf8(line.bytes) ?? '');
  }
  return { lines, bytes, sha256: sha256.digest('hex'), sha1: sha1.digest('base64'), isWrapped, outcomes };
}

/** A last line without a newline is whole if it is JSON; else the file was cut inside it. */
function assertWhole(line: Line): void {
  if (line.terminated || line.tooLong) return;
  try {
    JSON.parse(decodeUtf8(line.bytes) ?? '');
  } catch {
    throw new ExchangeError('file-damaged', { detail: `The file ends inside line ${line.number}.` });
  }
}

function decoded({ blobs }: RequesterDeps, file: ExchangeFile, onWrapped?: () => void): AsyncIterable<Uint8Array> {
  const bytes = decodeStream(blobs.read(transferBlob(file.exchangeId, file.number)), file.contentEncoding);
  return unwrapBinary(bytes, file.type, onWrapped);
}

/** What came is kept as it came, or in a blob of its own where it came in a form that nobody reads later. */
async function keep(deps: RequesterDeps, file: ExchangeFile, { isWrapped }: Inspection): Promise<FileChanges> {
  const { exchangeId, number, contentEncoding } = file;
  const received = transferBlob(exchangeId, number);
  if (!isWrapped && KEPT_ENCODINGS.has(contentEncoding)) {
    return { keptBlob: received, keptEncoding: contentEncoding };
  }
  const keptBlob = decodedBlob(exchangeId, number);
  await deps.blobs.truncate(keptBlob);
  let size = 0;
  for await (const piece of pieces(decoded(deps, file))) {
    const expected = size + piece.length;
    size = await deps.blobs.append(keptBlob, size, piece);
    assertAppended(size, expected);
    heartbeat({ file: number, keptBytes: size });
  }
  await deps.blobs.remove(received);
  return { keptBlob, keptEncoding: undefined };
}

async function* pieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

/** One OperationOutcome of all issues that the payer's error files hold. */
function mergedOutcome(texts: readonly string[]): string {
  const issue = texts.flatMap((text) => {
    const value = parsedOrNothing(text);
    return isRecord(value) && Array.isArray(value['issue']) && !isTooDeep(value) ? (value['issue'] as unknown[]) : [];
  });
  return JSON.stringify({ resourceType: 'OperationOutcome', issue });
}

/** A line of an error file that is no JSON says nothing, and does not end the exchange. */
function parsedOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
