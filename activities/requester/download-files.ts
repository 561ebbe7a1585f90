import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { ExchangeError } from '../../fhir/errors.ts';
import { transferBlob } from '../../store/exchange-files.ts';
import type { ExchangeFile } from '../../store/exchange-files.ts';
import type { ExchangeRecord } from '../../store/exchanges.ts';
import type { Download, DownloadOptions } from '../../peer/download.ts';
import type { PeerClient } from '../../peer/fhir-client.ts';
import type { RequesterDeps } from './deps.ts';
import { inspectFile, removeTransfer } from './inspect-file.ts';
import { lookThroughPassing } from './look-through.ts';
import type { Inspection, Passing } from './look-through.ts';
import { assertAppended } from './overlap.ts';

export interface FileShareInput {
  readonly taskId: string;
  /** Numbers of the first and the last file, both included. */
  readonly first: number;
  readonly last: number;
}

/** Bytes are committed in pieces of this size; what a kill loses is at most one of them. */
const COMMIT_BYTES = 1024 * 1024;

/** Downloads the files of a share one after the other; a file that is here already is passed over. */
export function downloadFiles(deps: RequesterDeps) {
  return async ({ taskId, first, last }: FileShareInput): Promise<void> => {
    const { exchanges, files, payer, peer } = deps;
    const exchange = await exchanges.load(taskId);
    const client = peer(await payer(exchange), cancellationSignal());
    for (let number = first; number <= last; number++) {
      const file = await files.get(taskId, number);
      if (file.downloaded) {
        await removeTransfer(deps, file);
        continue;
      }
      const passed = file.received ? undefined : await download(deps, client, exchange, file);
      await inspectFile(deps, await files.get(taskId, number), passed);
    }
  };
}

/**
 * Brings one file whole into its transfer blob; answers what was seen of it on the way, where that was all of it. Goes on
 * behind the last committed piece only where a strong validator and the same Content-Encoding say that the bytes before it
 * are the same (RFC 9110 §14.3), else from the start.
 */
async function download(
  deps: RequesterDeps,
  client: PeerClient,
  exchange: ExchangeRecord,
  file: ExchangeFile,
): Promise<Inspection | undefined> {
  const { blobs, files, knowledge, payer, settings } = deps;
  const blob = transferBlob(file.exchangeId, file.number);
  const present = file.etag === undefined ? 0 : await blobs.size(blob);
  const answer = await openFile(files, client, exchange, file, {
    withToken: exchange.requiresAccessToken ?? true,
    ...(present > 0 && { offset: present, etag: file.etag, contentEncoding: file.contentEncoding }),
  });
  if (present > 0) await knowledge.learn(await payer(exchange), { ranges: answer.status === 'partial' });
  const offset = answer.status === 'partial' ? present : 0;
  if (offset === 0) await blobs.truncate(blob);
  const { etag, contentEncoding } = answer;
  await files.change(file.exchangeId, file.number, { etag, contentEncoding });
  const passing = offset === 0 ? lookThroughPassing({ ...file, contentEncoding }, settings) : undefined;
  try {
    await storePieces(deps, file, answer.body, offset, passing);
    await files.change(file.exchangeId, file.number, { received: true });
    return await passing?.end();
  } finally {
    passing?.drop();
  }
}

async function storePieces(
  { blobs }: RequesterDeps,
  file: ExchangeFile,
  body: AsyncIterable<Uint8Array>,
  from: number,
  passing: Passing | undefined,
): Promise<void> {
  let offset = from;
  for await (const piece of pieces(body, COMMIT_BYTES)) {
    const expected = offset + piece.length;
    offset = await blobs.append(transferBlob(file.exchangeId, file.number), offset, piece);
    assertAppended(offset, expected);
    await passing?.take(piece);
    heartbeat({ file: file.number, bytes: offset, attempt: activityInfo().attempt });
  }
}

/** Opens a file; a link whose time is over is looked up anew in the manifest, whose files stay the same (Bulk Data §5). */
async function openFile(
  files: RequesterDeps['files'],
  client: PeerClient,
  { statusUrl }: ExchangeRecord,
  file: ExchangeFile,
  options: DownloadOptions,
): Promise<Download> {
  try {
    return await client.download(file.url, options);
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== 'export-expired' || statusUrl === undefined) throw error;
    const status = await client.checkExport(statusUrl);
    const fresh = status.state === 'complete' ? status.manifest.files[file.number] : undefined;
    if (fresh === undefined || fresh.url === file.url || fresh.type !== file.type) throw error;
    await files.change(file.exchangeId, file.number, { url: fresh.url });
    return client.download(fresh.url, options);
  }
}

/** Joins small chunks; what came before an error is handed out before the error is thrown on. */
async function* pieces(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  const take = (): Uint8Array => {
    const piece = Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
    return piece;
  };
  try {
    for await (const chunk of chunks) {
      waiting.push(chunk);
      bytes += chunk.length;
      if (bytes >= size) yield take();
    }
  } catch (error) {
    failure = { error };
  }
  if (bytes > 0) yield take();
  if (failure !== undefined) throw failure.error;
}
