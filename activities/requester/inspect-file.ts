import { heartbeat } from '@temporalio/activity';
import { keptBinaryId } from '../../fhir/document-reference.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { isRecord } from '../../fhir/parameters.ts';
import { isTooDeep } from '../../fhir/storable-json.ts';
import { CHUNK_BYTES } from '../../store/blobs.ts';
import { decodedBlob, transferBlob } from '../../store/exchange-files.ts';
import type { ExchangeFile, FileChanges } from '../../store/exchange-files.ts';
import { KEPT_ENCODINGS } from '../../store/kept-content.ts';
import type { RequesterDeps } from './deps.ts';
import { decoded, lookThrough } from './look-through.ts';
import type { Inspection } from './look-through.ts';
import { assertAppended } from './overlap.ts';

/**
 * Settles a file whose bytes are all here: whole or damaged, how many lines. Afterwards it counts as downloaded. Started
 * again, it begins anew. `passed`: what was seen of it as it arrived, where that was all of it.
 * @throws ExchangeError `file-damaged` (the bytes are thrown away, so that the next try fetches them again)
 */
export async function inspectFile(deps: RequesterDeps, file: ExchangeFile, passed?: Inspection): Promise<void> {
  const { exchanges, files } = deps;
  const { exchangeId, number } = file;
  const inspection = passed ?? (await inspectReceived(deps, file));
  if (inspection.outcomes.length > 0) {
    await exchanges.keepFailure(exchangeId, { peerOutcome: mergedOutcome(inspection.outcomes) });
  }
  await files.change(exchangeId, number, {
    ...(await keep(deps, file, inspection)),
    ...{ sha256: inspection.sha256, keptSha1: inspection.sha1, keptBytes: inspection.bytes },
    ...{ binaryId: keptBinaryId(exchangeId, number), lines: inspection.lines, downloaded: true },
  });
  // Only now: who begins anew reads them once more.
  if (isKeptApart(file, inspection)) await deps.blobs.remove(transferBlob(exchangeId, number));
}

/** What came of a file that is downloaded and kept apart: whoever settled it may have ended before it was taken away. */
export async function removeTransfer({ blobs }: RequesterDeps, file: ExchangeFile): Promise<void> {
  const blob = transferBlob(file.exchangeId, file.number);
  if (file.keptBlob !== blob) await blobs.remove(blob);
}

async function inspectReceived({ blobs, files, settings }: RequesterDeps, file: ExchangeFile): Promise<Inspection> {
  const { exchangeId, number } = file;
  const blob = transferBlob(exchangeId, number);
  try {
    return await lookThrough(blobs.read(blob), file, settings, (bytes) => heartbeat({ file: number, bytes }));
  } catch (error) {
    if (error instanceof ExchangeError && error.code === 'file-damaged') {
      await blobs.truncate(blob);
      await files.change(exchangeId, number, { etag: undefined, contentEncoding: undefined, received: false });
    }
    throw error;
  }
}

/** In a blob of its own, where it came in a form that nobody reads later. */
const isKeptApart = ({ contentEncoding }: ExchangeFile, { isWrapped }: Inspection): boolean =>
  isWrapped || !KEPT_ENCODINGS.has(contentEncoding);

/** What came is kept as it came wherever that can be. */
async function keep({ blobs }: RequesterDeps, file: ExchangeFile, inspection: Inspection): Promise<FileChanges> {
  const { exchangeId, number, contentEncoding } = file;
  const blob = transferBlob(exchangeId, number);
  if (!isKeptApart(file, inspection)) return { keptBlob: blob, keptEncoding: contentEncoding };
  const keptBlob = decodedBlob(exchangeId, number);
  await blobs.truncate(keptBlob);
  let size = 0;
  for await (const piece of pieces(decoded(blobs.read(blob), file))) {
    const expected = size + piece.length;
    size = await blobs.append(keptBlob, size, piece);
    assertAppended(size, expected);
    heartbeat({ file: number, keptBytes: size });
  }
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
