import type { KickOff } from '../fhir/bulk-data.ts';
import { ExchangeError } from '../fhir/errors.ts';
import { matchRefusal } from '../fhir/peer-outcome.ts';
import { errorWithCode, readJson, readRefusal, refusalError } from './answer.ts';
import { getAttachment } from './attachment.ts';
import type { Attachment } from './attachment.ts';
import { assertId, sendAuthorized, sendOpen } from './authorized.ts';
import type { PeerConnection } from './authorized.ts';
import { checkExport, deleteExport, download, startExport } from './bulk-export.ts';
import type { ExportCheck } from './bulk-export.ts';
import { fhirBase } from './discovery.ts';
import type { Download, DownloadOptions } from './download.ts';
import { findGroupOfOne, getPage, postBatch } from './pages.ts';
import type { Page } from './pages.ts';
import { findPatient } from './patient-lookup.ts';
import type { FoundPatient, LookupIdentifier } from './patient-lookup.ts';

/** The FHIR side of one responding payer; errors are ExchangeErrors, or the signal's reason when it was aborted. */
export interface PeerClient {
  /**
   * `$member-match` with the body as posted; answers the parsed body (`readMatchAnswer` reads it).
   * Throws `member-not-matched`, `member-ambiguous`, `consent-refused`, `peer-refused`.
   */
  memberMatch(parameters: string): Promise<object>;
  /** Throws `member-not-matched`, `member-ambiguous`. */
  readPatientByIdentifier(identifier: LookupIdentifier): Promise<FoundPatient>;
  /** The resource's text as it came. */
  read(type: string, id: string): Promise<string>;
  /** One page of a search or of `$everything`; throws `export-expired` where it is no longer there. */
  page(url: string): Promise<Page>;
  /** Answers the text of the Bundle. */
  batch(body: string): Promise<string>;
  /** The bytes behind `Attachment.url`, at most `limit`. */
  attachment(wanted: {
    readonly url: string;
    readonly contentType: string | undefined;
    readonly limit: number;
  }): Promise<Attachment>;
  /** Id of the Group whose only member is this patient. */
  groupOfOne(patientId: string): Promise<string | undefined>;
  /** The CapabilityStatement, parsed. */
  capabilities(): Promise<object>;
  startExport(kickOff: KickOff): Promise<{ readonly statusUrl: string }>;
  checkExport(statusUrl: string): Promise<ExportCheck>;
  deleteExport(statusUrl: string): Promise<void>;
  download(url: string, options: DownloadOptions): Promise<Download>;
}

export function createPeerClient(connection: PeerConnection): PeerClient {
  return {
    memberMatch: async (parameters) => memberMatch(connection, parameters),
    readPatientByIdentifier: async (identifier) => findPatient(connection, identifier),
    read: async (type, id) => readResource(connection, type, id),
    page: async (url) => getPage(connection, url),
    batch: async (body) => postBatch(connection, body),
    attachment: async (wanted) => getAttachment(connection, wanted),
    groupOfOne: async (patientId) => findGroupOfOne(connection, patientId),
    capabilities: async () => capabilities(connection),
    startExport: async (kickOff) => startExport(connection, kickOff),
    checkExport: async (statusUrl) => checkExport(connection, statusUrl),
    deleteExport: async (statusUrl) => deleteExport(connection, statusUrl),
    download: async (url, options) => download(connection, url, options),
  };
}

const ACCEPT = 'application/fhir+json';

async function memberMatch(connection: PeerConnection, parameters: string): Promise<object> {
  const { matchOperation = 'Patient/$member-match' } = connection.payer;
  const response = await sendAuthorized(connection, {
    method: 'POST',
    url: `${fhirBase(connection.payer)}/${matchOperation}`,
    headers: { accept: ACCEPT, 'content-type': ACCEPT },
    body: parameters,
  });
  if (response.status === 200) return (await readJson(response)).body;
  const refusal = await readRefusal(response, connection.now());
  // HRex: no match, several matches and a consent that cannot be kept are all 422.
  if (refusal.status === 422) throw errorWithCode(refusal, matchRefusal(refusal.issues ?? []));
  throw refusalError(refusal);
}

async function readResource(connection: PeerConnection, type: string, id: string): Promise<string> {
  const url = `${fhirBase(connection.payer)}/${type}/${assertId(id)}`;
  const response = await sendAuthorized(connection, { method: 'GET', url, headers: { accept: ACCEPT } });
  if (response.status !== 200) throw refusalError(await readRefusal(response, connection.now()));
  const { text, body } = await readJson(response);
  const isMeant = 'resourceType' in body && body.resourceType === type && 'id' in body && body.id === id;
  if (!isMeant) throw new ExchangeError('peer-invalid', { detail: `a read of ${type} answers with another resource` });
  return text;
}

/** Open by the specification; some servers want a token all the same. */
async function capabilities(connection: PeerConnection): Promise<object> {
  const request = {
    method: 'GET',
    url: `${fhirBase(connection.payer)}/metadata`,
    headers: { accept: ACCEPT },
  } as const;
  let response = await sendOpen(connection, request);
  if (response.status === 401 || response.status === 403) {
    await response.body.dump();
    response = await sendAuthorized(connection, request);
  }
  if (response.status !== 200) throw refusalError(await readRefusal(response, connection.now()));
  const { body } = await readJson(response);
  if ('resourceType' in body && body.resourceType === 'CapabilityStatement') return body;
  throw new ExchangeError('peer-invalid', { detail: '/metadata is no CapabilityStatement' });
}
