import { randomUUID } from 'node:crypto';
import type { StoredResource } from '../../store/fhir-store.ts';
import { entityTag } from './interaction.ts';
import type { Answer } from './interaction.ts';

export interface BundleLink {
  readonly relation: string;
  readonly url: string;
}

export interface BundleParts {
  readonly type: 'searchset' | 'history' | 'transaction-response' | 'batch-response';
  readonly total?: number;
  readonly links: readonly BundleLink[];
  /** JSON texts of entries. */
  readonly entries: readonly string[];
}

/** Put together from texts: a resource inside it is the resource as it is stored, digit by digit. */
export function bundleText({ type, total, links, entries }: BundleParts): string {
  const parts = [`"resourceType":"Bundle"`, `"type":"${type}"`];
  if (total !== undefined) parts.push(`"total":${total}`);
  if (links.length > 0) parts.push(`"link":${JSON.stringify(links)}`);
  if (entries.length > 0) parts.push(`"entry":[${entries.join(',')}]`);
  return `{${parts.join(',')}}`;
}

export function searchEntry(baseUrl: string, resource: StoredResource, mode: 'match' | 'include'): string {
  return `{${fullUrl(baseUrl, resource)},"resource":${resource.text},"search":{"mode":"${mode}"}}`;
}

/** What the search did not do as asked, told beside its matches. */
export function outcomeEntry(outcome: string): string {
  // It is no resource of this server, but every entry of a searchset has an identity.
  return `{"fullUrl":"urn:uuid:${randomUUID()}","resource":${outcome},"search":{"mode":"outcome"}}`;
}

export function historyEntry(baseUrl: string, version: StoredResource, created: boolean): string {
  const { type, id, versionId, lastUpdated } = version;
  const method = version.deleted ? 'DELETE' : created ? 'POST' : 'PUT';
  const request = { method, url: method === 'POST' ? type : `${type}/${id}` };
  const status = version.deleted ? '204' : created ? '201' : '200';
  const response = { status, etag: entityTag(versionId), lastModified: lastUpdated };
  const resource = version.deleted ? '' : `,"resource":${version.text}`;
  return `{${fullUrl(baseUrl, version)}${resource},"request":${JSON.stringify(request)},"response":${JSON.stringify(response)}}`;
}

/** The answer to one entry of a batch or transaction. */
export function responseEntry(answer: Answer): string {
  const response = {
    status: String(answer.status),
    ...(answer.location !== undefined && { location: answer.location }),
    ...(answer.versionId !== undefined && { etag: entityTag(answer.versionId) }),
    ...(answer.lastUpdated !== undefined && { lastModified: answer.lastUpdated }),
  };
  const isFailure = answer.status >= 400;
  const printed = JSON.stringify(response);
  if (answer.text === undefined) return `{"response":${printed}}`;
  if (isFailure) return `{"response":${printed.slice(0, -1)},"outcome":${answer.text}}}`;
  return `{"resource":${answer.text},"response":${printed}}`;
}

function fullUrl(baseUrl: string, { type, id }: StoredResource): string {
  return `"fullUrl":${JSON.stringify(`${baseUrl}/${type}/${id}`)}`;
}
