import { createHash } from 'node:crypto';
import { heartbeat } from '@temporalio/activity';
import { keptBinaryId } from '../../fhir/document-reference.ts';
import { ExchangeError } from '../../fhir/errors.ts';
import { isRecord } from '../../fhir/parameters.ts';
import { inspectForImport } from '../../fhir/import-inspect.ts';
import type { Inspected, Refused } from '../../fhir/import-inspect.ts';
import { mayFetch } from '../../fhir/missing-references.ts';
import { decodeUtf8, splitLines } from '../../fhir/ndjson.ts';
import type { Line } from '../../fhir/ndjson.ts';
import { decodeStream } from '../../peer/decode-stream.ts';
import { unwrapBinary } from '../../peer/unwrap-binary.ts';
import { CHUNK_BYTES } from '../../store/blobs.ts';
import { keptBlob, transferBlob } from '../../store/exchange-files.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { DeliveredResource, RefusedLine } from '../../store/fhir-store.ts';
import type { RequesterDeps } from './deps.ts';
import { assertAppended } from './overlap.ts';
import { notingWanted } from './wanted.ts';

const INDEX_BATCH = 1000;

interface Range {
  readonly start: number;
  readonly end: number;
}

interface Inspection {
  readonly lines: number;
  /** Of the bytes as received, hex. */
  readonly sha256: string;
  /** Other members' lines. */
  readonly foreign: readonly (Range & RefusedLine)[];
  /** Issues of the payer's own OperationOutcomes (error files). */
  readonly outcomes: readonly string[];
}

/**
 * First pass over a downloaded file: whole or damaged, what it delivers, whose lines must not stay. Afterwards the kept
 * bytes are in their own blob, and the file counts as downloaded. Started again, it begins anew.
 * @throws ExchangeError `file-damaged` (the bytes are thrown away, so that the next try fetches them again), `foreign-member`
 */
export async function inspectFile(deps: RequesterDeps, exchange: ExchangeRecord, file: ExchangeFile): Promise<void> {
  const { blobs, exchanges, files, fhir, settings } = deps;
  const { exchangeId, number } = file;
  const inspection = await inspect(deps, exchange, file).catch(async (error: unknown) => {
    if (error instanceof ExchangeError && error.code === 'file-damaged') {
      await blobs.truncate(transferBlob(exchangeId, number));
      await files.change(exchangeId, number, { etag: undefined, contentEncoding: undefined, received: false });
    }
    throw error;
  });
  if (inspection.foreign.length > 0) {
    if (settings.foreignLines === 'fail') throw new ExchangeError('foreign-member');
    await fhir.refuseLines(
      exchangeId,
      inspection.foreign.map(({ start: _start, end: _end, ...line }) => line),
    );
  }
  if (inspection.outcomes.length > 0) {
    await exchanges.keepFailure(exchangeId, { peerOutcome: mergedOutcome(inspection.outcomes) });
  }
  const kept = await keep(deps, file, inspection.foreign);
  // First: other members' lines are in it, and a file that counts as downloaded is not looked at again.
  await blobs.remove(transferBlob(exchangeId, number));
  await files.change(exchangeId, number, {
    ...{
      sha256: inspection.sha256,
      keptSha1: kept.sha1,
      keptBytes: kept.bytes,
      binaryId: keptBinaryId(exchangeId, number),
    },
    ...{ lines: inspection.lines, downloaded: true },
  });
}

async function inspect(deps: RequesterDeps, exchange: ExchangeRecord, file: ExchangeFile): Promise<Inspection> {
  const { fhir, payer, settings } = deps;
  const peerBase = (await payer(exchange.payerPid)).fhirEndpoint;
  const may = mayFetch(exchange.request.exportEntries);
  const wanted = notingWanted(deps.wanted, exchange.id, { peerBase, mayFetch: may });
  const hash = createHash('sha256');
  const foreign: (Range & RefusedLine)[] = [];
  const outcomes: string[] = [];
  let delivered: DeliveredResource[] = [];
  let lines = 0;
  const flush = async (): Promise<void> => {
    await fhir.indexDelivered(file.exchangeId, file.number, delivered);
    await wanted.flush();
    delivered = [];
    heartbeat({ file: file.number, lines });
  };
  for await (const line of splitLines(hashed(decoded(deps, file), hash), { maxLineBytes: settings.maxLineBytes })) {
    if (line.bytes.length === 0 && !line.tooLong) continue;
    lines++;
    const text = decodeUtf8(line.bytes);
    assertWhole(line, text);
    if (text === undefined || line.tooLong) continue;
    if (file.list === 'error') {
      if (outcomes.length < INDEX_BATCH) outcomes.push(text);
      continue;
    }
    if (file.list === 'deleted') continue;
    const found = inspectForImport(text, {
      memberId: exchange.memberPatientId ?? '',
      peerBase,
      ...(file.type !== undefined && { expectedType: file.type }),
    });
    if (isForeign(found)) foreign.push({ ...foreignLine(file, line, found), start: line.start, end: line.end });
    if (foreign.length > settings.maxRefusedLines) throw new ExchangeError('too-many-refused-lines');
    if (found.kind === 'record') {
      delivered.push(deliveredOf(found));
      wanted.note(text);
    }
    if (delivered.length >= INDEX_BATCH) await flush();
  }
  await flush();
  await wanted.flush(true);
  return { lines, sha256: hash.digest('hex'), foreign, outcomes };
}

const isForeign = (found: Inspected | Refused): found is Refused =>
  found.kind === 'refused' && found.reason === 'foreign-member';

const foreignLine = (file: ExchangeFile, line: Line, found: Refused): RefusedLine => ({
  file: file.number,
  line: line.number,
  reason: 'foreign-member',
  type: found.type ?? file.type ?? 'unknown',
});

const deliveredOf = ({ type, originalId, identifiers }: Inspected): DeliveredResource => ({
  type,
  originalId,
  identifiers,
});

/** A last line without a newline is whole if it is JSON; else the file was cut inside it. */
function assertWhole(line: Line, text: string | undefined): void {
  if (line.terminated || line.tooLong) return;
  try {
    JSON.parse(text ?? '');
  } catch {
    throw new ExchangeError('file-damaged', { detail: `The file ends inside line ${line.number}.` });
  }
}

function decoded({ blobs }: RequesterDeps, file: ExchangeFile): AsyncIterable<Uint8Array> {
  const bytes = decodeStream(blobs.read(transferBlob(file.exchangeId, file.number)), file.contentEncoding);
  return unwrapBinary(bytes, file.type);
}

async function* hashed(
  chunks: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** Copies the decoded bytes without the ranges that must not stay. */
async function keep(
  deps: RequesterDeps,
  file: ExchangeFile,
  cut: readonly Range[],
): Promise<{ readonly sha1: string; readonly bytes: number }> {
  const blob = keptBlob(file.exchangeId, file.number);
  await deps.blobs.truncate(blob);
  const hash = createHash('sha1');
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let size = 0;
  const flush = async (): Promise<void> => {
    const expected = size + waitingBytes;
    size = await deps.blobs.append(blob, size, Buffer.concat(waiting));
    assertAppended(size, expected);
    waiting = [];
    waitingBytes = 0;
    heartbeat({ file: file.number, keptBytes: size });
  };
  for await (const chunk of without(decoded(deps, file), cut)) {
    hash.update(chunk);
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes >= CHUNK_BYTES) await flush();
  }
  if (waitingBytes > 0) await flush();
  return { sha1: hash.digest('base64'), bytes: size };
}

/** The stream without these ranges, which are in ascending order. */
async function* without(chunks: AsyncIterable<Uint8Array>, cut: readonly Range[]): AsyncGenerator<Uint8Array> {
  let position = 0;
  let next = 0;
  for await (const chunk of chunks) {
    const end = position + chunk.length;
    let from = position;
    for (let range = cut[next]; range !== undefined && range.start < end; range = cut[next]) {
      if (range.start > from) yield chunk.subarray(from - position, range.start - position);
      from = Math.max(from, Math.min(range.end, end));
      if (range.end > end) break;
      next++;
    }
    if (from < end) yield chunk.subarray(from - position);
    position = end;
  }
}

/** One OperationOutcome of all issues that the payer's error files hold. */
function mergedOutcome(texts: readonly string[]): string {
  const issue = texts.flatMap((text) => {
    const value = parsedOrNothing(text);
    return isRecord(value) && Array.isArray(value['issue']) ? (value['issue'] as unknown[]) : [];
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
