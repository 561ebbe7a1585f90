import { parseJson, textsAt } from './json.ts';

/** Bundles are put together as text, so that a resource keeps every digit of its decimals. */
export interface BundleParts {
  type: 'searchset' | 'batch-response';
  total?: number | undefined;
  links?: readonly { relation: string; url: string }[];
  entries: readonly string[];
}

export function bundleText({ type, total, links = [], entries }: BundleParts): string {
  const members = ['"resourceType":"Bundle"', `"type":"${type}"`];
  if (total !== undefined) members.push(`"total":${total}`);
  if (links.length > 0) members.push(`"link":${JSON.stringify(links)}`);
  if (entries.length > 0) members.push(`"entry":[${entries.join(',')}]`);
  return `{${members.join(',')}}`;
}

export function searchEntry(baseUrl: string, line: string, mode: 'match' | 'include'): string {
  return `{"fullUrl":${fullUrlOf(baseUrl, line)},"resource":${line},"search":{"mode":"${mode}"}}`;
}

export function outcomeEntry(outcome: unknown): string {
  return `{"resource":${JSON.stringify(outcome)},"search":{"mode":"outcome"}}`;
}

/** One answer of a batch; without a resource it failed, and the body says why. */
export function batchEntry(status: string, part: { resource: string } | { outcome: string }): string {
  return 'resource' in part
    ? `{"resource":${part.resource},"response":{"status":"${status}"}}`
    : `{"response":{"status":"${status}","outcome":${part.outcome}}}`;
}

function fullUrlOf(baseUrl: string, line: string): string {
  const resource = parseJson(line);
  return JSON.stringify(`${baseUrl}/${textsAt(resource, 'resourceType')[0]}/${textsAt(resource, 'id')[0]}`);
}
