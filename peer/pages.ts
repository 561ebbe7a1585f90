import { absoluteUrl } from '../fhir/bulk-data.ts';
import { readText, readRefusal, refusalError } from './answer.ts';
import { sendAuthorized } from './authorized.ts';
import type { PeerConnection } from './authorized.ts';
import { fhirBase } from './discovery.ts';
import { assertJson } from './media-type.ts';

export interface Page {
  readonly text: string;
  /** After redirects: what a relative `next` link is resolved against. */
  readonly url: string;
  /** The payer's clock when it answered (`Date`), ISO 8601. */
  readonly answeredAt: string | undefined;
}

const ACCEPT = 'application/fhir+json';

/**
 * One page of a search or an operation; `url` absolute, or relative to the payer's base.
 * @throws ExchangeError `export-expired` for a page that is no longer there, `peer-refused`, `peer-media-type`, and what
 * may pass
 */
export async function getPage(connection: PeerConnection, url: string): Promise<Page> {
  const absolute = absoluteUrl(url, `${fhirBase(connection.payer)}/`);
  const response = await sendAuthorized(connection, { method: 'GET', url: absolute, headers: { accept: ACCEPT } });
  if (response.status !== 200) {
    const refusal = await readRefusal(response, connection.now());
    throw refusalError(refusal, refusal.status === 410 ? 'export-expired' : 'peer-refused');
  }
  const text = await readText(response);
  assertJson(response, text);
  const date = Date.parse(response.header('date') ?? '');
  return { text, url: response.url, answeredAt: Number.isNaN(date) ? undefined : new Date(date).toISOString() };
}

/**
 * Several reads in one request (FHIR batch); answers its text.
 * @throws ExchangeError as `getPage`
 */
export async function postBatch(connection: PeerConnection, body: string): Promise<string> {
  const headers = { accept: ACCEPT, 'content-type': ACCEPT };
  const response = await sendAuthorized(connection, { method: 'POST', url: fhirBase(connection.payer), headers, body });
  if (response.status !== 200) throw refusalError(await readRefusal(response, connection.now()));
  const text = await readText(response);
  assertJson(response, text);
  return text;
}

/** The Group whose only member is this patient; undefined where there is none, for another's records are not ours to see. */
export async function findGroupOfOne(connection: PeerConnection, patientId: string): Promise<string | undefined> {
  const reference = `Patient/${patientId}`;
  const page = await getPage(connection, `Group?${new URLSearchParams({ member: reference }).toString()}`);
  const bundle: unknown = JSON.parse(page.text);
  const entries = isObject(bundle) && Array.isArray(bundle['entry']) ? (bundle['entry'] as unknown[]) : [];
  const groups = entries.map((entry) => (isObject(entry) ? entry['resource'] : undefined)).filter(isObject);
  const own = groups.filter((group) => group['resourceType'] === 'Group' && isOnlyMember(group, reference));
  const [first] = own;
  return first !== undefined && typeof first['id'] === 'string' ? first['id'] : undefined;
}

function isOnlyMember(group: Readonly<Record<string, unknown>>, reference: string): boolean {
  const members = Array.isArray(group['member']) ? (group['member'] as unknown[]) : [];
  const [only] = members;
  const entity = isObject(only) && isObject(only['entity']) ? only['entity']['reference'] : undefined;
  const isAlone = members.length === 1 && (group['quantity'] === undefined || group['quantity'] === 1);
  return isAlone && typeof entity === 'string' && (entity === reference || entity.endsWith(`/${reference}`));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
