import { createHash } from 'node:crypto';
import { heartbeat } from '@temporalio/activity';
import { splitLines } from '../../fhir/ndjson.ts';
import { CHUNK_BYTES } from '../../store/blobs.ts';
import { cutBlob, decodedBlob, transferBlob } from '../../store/exchange-files.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import { readKept } from '../../store/kept-content.ts';
import type { RequesterDeps } from './deps.ts';
import { assertAppended } from './overlap.ts';

/** What is kept of a file holds no line of another member: it is written anew without, and the bytes that came go. */
export async function cutForeignLines(deps: RequesterDeps, file: ExchangeFile): Promise<void> {
  const { blobs, fhir, files, settings } = deps;
  const { exchangeId, number, keptBlob } = file;
  const target = cutBlob(exchangeId, number);
  const formerBlobs = [transferBlob(exchangeId, number), decodedBlob(exchangeId, number)];
  // A try before this one was ended behind the change of the row.
  if (keptBlob === target) await Promise.all(formerBlobs.map((blob) => blobs.remove(blob)));
  if (keptBlob === undefined || keptBlob === target) return;
  const refused = await fhir.refusedLines(exchangeId, settings.maxRefusedLines + 1);
  const foreign = new Set(
    refused.filter((each) => each.file === number && each.reason === 'foreign-member').map(({ line }) => line),
  );
  if (foreign.size === 0) return;
  const kept = await writeWithout(deps, file, foreign);
  await files.change(exchangeId, number, {
    ...{ keptBlob: target, keptEncoding: undefined, keptSha1: kept.sha1, keptBytes: kept.bytes },
  });
  await Promise.all(formerBlobs.map((blob) => blobs.remove(blob)));
}

async function writeWithout(
  deps: RequesterDeps,
  file: ExchangeFile,
  foreign: ReadonlySet<number>,
): Promise<{ readonly sha1: string; readonly bytes: number }> {
  const blob = cutBlob(file.exchangeId, file.number);
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
  for await (const chunk of without(deps, file, foreign)) {
    hash.update(chunk);
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes >= CHUNK_BYTES) await flush();
  }
  if (waitingBytes > 0) await flush();
  return { sha1: hash.digest('base64'), bytes: size };
}

/** The bytes between the foreign lines: a first pass tells where those lie. */
async function* without(
  { blobs, settings }: RequesterDeps,
  file: ExchangeFile,
  foreign: ReadonlySet<number>,
): AsyncGenerator<Uint8Array> {
  let from = 0;
  for await (const { number, start, end } of splitLines(readKept(blobs, file), settings)) {
    if (!foreign.has(number)) continue;
    if (start > from) yield* readKept(blobs, file, from, start);
    from = end;
  }
  yield* readKept(blobs, file, from);
}
