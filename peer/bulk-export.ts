import {
  absoluteUrl,
  classifyStatusAnswer,
  kickOffBody,
  kickOffPath,
  kickOffQuery,
  readManifest,
  readProgress,
} from '../fhir/bulk-data.ts';
import type { KickOff, Manifest } from '../fhir/bulk-data.ts';
import { ExchangeError } from '../fhir/errors.ts';
import { readRetryAfter } from '../fhir/retry-after.ts';
import { allowedHosts } from './allowed-hosts.ts';
import { errorWithCode, passingCode, readJson, readRefusal, refusalError } from './answer.ts';
import type { Refusal } from './answer.ts';
import { assertId, sendAuthorized, sendOpen } from './authorized.ts';
import type { PeerConnection, UnsignedRequest } from './authorized.ts';
import { fhirBase } from './discovery.ts';
import { continues, downloadOf, rangeHeaders, resumable } from './download.ts';
import type { Download, DownloadOptions } from './download.ts';
import type { PeerResponse } from './http.ts';
import { PeerError } from './peer-error.ts';

export type ExportCheck =
  | { readonly state: 'in-progress'; readonly retryAfterMs?: number; readonly progressPercent?: number }
  | { readonly state: 'complete'; readonly manifest: Manifest };

const KICK_OFF_HEADERS = { accept: 'application/fhir+json', prefer: 'respond-async' };
const MAX_PAGES = 1000;

/**
 * Kicks an export off.
 * @throws ExchangeError `export-refused`, `peer-invalid` without Content-Location, `host-not-allowed` when that leads
 * elsewhere, and what may pass
 */
export async function startExport(
  connection: PeerConnection,
  kickOff: KickOff,
): Promise<{ readonly statusUrl: string }> {
  const response = await sendKickOff(connection, kickOff);
  if (response.status < 200 || response.status > 299) {
    throw refusalError(await readRefusal(response, connection.now()), 'export-refused');
  }
  await response.body.dump();
  const location = response.header('content-location');
  if (location === undefined)
    throw new ExchangeError('peer-invalid', { detail: 'the kick-off has no Content-Location' });
  // Absolute by the specification; relative ones mean the request's own URL.
  const statusUrl = absoluteUrl(location, response.url);
  allowedHosts(connection.payer, 'fhir').assert(new URL(statusUrl));
  return { statusUrl };
}

async function sendKickOff(connection: PeerConnection, kickOff: KickOff): Promise<PeerResponse> {
  assertId(kickOff.patientId);
  const url = `${fhirBase(connection.payer)}/${kickOffPath(kickOff)}`;
  const posted = await sendAuthorized(connection, {
    method: 'POST',
    url,
    headers: { ...KICK_OFF_HEADERS, 'content-type': 'application/fhir+json' },
    body: kickOffBody(kickOff),
  });
  const query = kickOff.form === 'type-level' ? undefined : kickOffQuery(kickOff.entries);
  // Bulk Data 1.0 has GET alone. At type level it has no `patient`, and would export everybody that the token reaches.
  if (query === undefined || (posted.status !== 405 && posted.status !== 501)) return posted;
  await posted.body.dump();
  const search = query.size > 0 ? `?${query.toString()}` : '';
  return sendAuthorized(connection, { method: 'GET', url: `${url}${search}`, headers: KICK_OFF_HEADERS });
}

/**
 * Asks for the state of an export. Pages of a manifest come as one.
 * @throws ExchangeError `export-failed`, `export-expired`; `peer-busy` or `peer-unreachable` when only this request
 * failed and the export lives on
 */
export async function checkExport(connection: PeerConnection, statusUrl: string): Promise<ExportCheck> {
  const response = withExportStatus(await sendAuthorized(connection, statusRequest(statusUrl)));
  if (response.status !== 202) return { state: 'complete', manifest: await readPages(connection, response) };
  await response.body.dump();
  const retryAfterMs = readRetryAfter(response.header('retry-after'), connection.now());
  const progressPercent = readProgress(response.header('x-progress'));
  return {
    state: 'in-progress',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(progressPercent !== undefined && { progressPercent }),
  };
}

/** Bulk Data 3.0 may tell the export's state apart from that of the request (`separate-export-status`). */
function withExportStatus(response: PeerResponse): PeerResponse {
  const status = Number(response.header('x-export-status') ?? Number.NaN);
  return response.status === 200 && Number.isInteger(status) && status >= 200 && status < 600
    ? { ...response, status }
    : response;
}

function statusRequest(url: string): { method: 'GET'; url: string; headers: Record<string, string> } {
  return { method: 'GET', url, headers: { accept: 'application/json' } };
}

async function readPages(connection: PeerConnection, first: PeerResponse): Promise<Manifest> {
  let manifest = await readOneManifest(connection, first);
  for (let page = 1; manifest.next !== undefined; page++) {
    if (page > MAX_PAGES) throw new ExchangeError('peer-invalid', { detail: 'the pages of the manifest do not end' });
    const response = await sendAuthorized(connection, statusRequest(manifest.next));
    const { files, next } = await readOneManifest(connection, response);
    manifest = { ...manifest, files: [...manifest.files, ...files], next };
  }
  return manifest;
}

async function readOneManifest(connection: PeerConnection, response: PeerResponse): Promise<Manifest> {
  if (response.status >= 200 && response.status <= 299) {
    const { body } = await readJson(response);
    return readManifest(body, response.url);
  }
  const refusal = await readRefusal(response, connection.now());
  switch (classifyStatusAnswer(refusal.status, refusal.issues)) {
    case 'busy':
      throw errorWithCode(refusal, passingCode(refusal));
    case 'gone':
      throw errorWithCode(refusal, 'export-expired');
    default:
      throw errorWithCode(refusal, 'export-failed');
  }
}

/** Tells the payer that its export is not needed any more; that it is gone already is as good. */
export async function deleteExport(connection: PeerConnection, statusUrl: string): Promise<void> {
  const headers = { accept: 'application/fhir+json' };
  const response = await sendAuthorized(connection, { method: 'DELETE', url: statusUrl, headers });
  const isGone = response.status === 404 || response.status === 410;
  if (!isGone && (response.status < 200 || response.status > 299)) {
    throw refusalError(await readRefusal(response, connection.now()));
  }
  await response.body.dump();
}

/**
 * Opens a file of the manifest, behind the bytes that are there already where both sides can tell that they are the
 * same.
 * @throws ExchangeError `export-expired` (the URL is no longer good: the manifest may have a fresh one), `peer-refused`,
 * `host-not-allowed`, and what may pass
 */
export async function download(connection: PeerConnection, url: string, options: DownloadOptions): Promise<Download> {
  const resume = resumable(options);
  const response = await requestFile(connection, url, options, rangeHeaders(resume));
  if (resume !== undefined && continues(response, resume)) return downloadOf(response, 'partial');
  if (response.status === 200) return downloadOf(response, 'full');
  if (resume !== undefined && (response.status === 206 || response.status === 416)) {
    response.body.on('error', () => undefined).destroy();
    return download(connection, url, { ...options, offset: 0 });
  }
  const refusal = await readRefusal(response, connection.now());
  if (refusal.status < 400) throw errorWithCode(refusal, 'peer-invalid');
  throw refusalError(refusal, isExpired(refusal, options) ? 'export-expired' : 'peer-refused');
}

/** Object stores answer 403 for a link whose time is over, and no FHIR with it. */
function isExpired({ status, issues }: Refusal, { withToken }: DownloadOptions): boolean {
  return status === 404 || status === 410 || (status === 403 && (issues === undefined || !withToken));
}

async function requestFile(
  connection: PeerConnection,
  url: string,
  { withToken, acceptGzip = true }: DownloadOptions,
  range: Readonly<Record<string, string>>,
): Promise<PeerResponse> {
  const headers = {
    accept: 'application/fhir+ndjson',
    'accept-encoding': acceptGzip ? 'gzip' : 'identity',
    ...range,
  };
  const request = { method: 'GET', url, headers } as const;
  return withToken ? sendAsAsked(connection, request) : sendOpen(connection, request);
}

/** Pre-signed links refuse a token, whatever the manifest says of it: then the file is asked for without one. */
async function sendAsAsked(connection: PeerConnection, request: UnsignedRequest): Promise<PeerResponse> {
  const refused = await sendAuthorized(connection, request).catch((error: unknown) => {
    if (error instanceof PeerError && error.status === 401) return error;
    throw error;
  });
  if (!(refused instanceof PeerError) && refused.status !== 400) return refused;
  const open = await sendOpen(connection, request);
  if (open.status < 400) {
    if (!(refused instanceof PeerError)) await refused.body.dump();
    return open;
  }
  await open.body.dump();
  if (refused instanceof PeerError) throw refused;
  return refused;
}
