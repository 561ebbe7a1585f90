import { belongsToMember } from './compartment.ts';
import { parameterNames } from './export-form.ts';
import { hashedId, parseReference } from './identifiers.ts';
import type { BusinessIdentifier } from './identifiers.ts';
import { isRecord } from './parameters.ts';

/** Parameters that leave records out on purpose: what they left out is not fetched behind their back. */
const NARROWING: ReadonlySet<string> = new Set(['_since', '_until', '_typeFilter']);

/**
 * Which resources may be read one by one where the export did not bring them: of `_type` those that it names; of the
 * member's own record none where the export was narrowed. Another Patient never.
 */
export function mayFetch(exportEntries: readonly string[]): (type: string) => boolean {
  const types = exportEntries.flatMap((text) => listOf(JSON.parse(text)));
  const isNarrowed = parameterNames(exportEntries).some((name) => NARROWING.has(name));
  return (type) => {
    if (type === 'Patient' || type === UNTYPED || (types.length > 0 && !types.includes(type))) return false;
    return !isNarrowed || !belongsToMember(type);
  };
}

function listOf(entry: unknown): readonly string[] {
  if (!isRecord(entry) || entry['name'] !== '_type') return [];
  const value = Object.entries(entry).find(([key]) => key.startsWith('value'))?.[1];
  return typeof value === 'string' ? value.split(',').map((type) => type.trim()) : [];
}

/** In the place of the type of a target that only a URN names: it can be found among what came, and not be asked for. */
export const UNTYPED = 'Resource';

/** The original id under which the bytes of an attachment are delivered that is no FHIR resource at the payer. */
export const attachmentId = (url: string): string => hashedId(['attachment', url]);

/** The line under which such bytes are delivered. */
export function attachmentLine(url: string, contentType: string | undefined, bytes: Buffer): string {
  const type = (contentType ?? '').split(';', 1)[0]?.trim() ?? '';
  return JSON.stringify({
    ...{ resourceType: 'Binary', id: attachmentId(url) },
    contentType: type === '' ? 'application/octet-stream' : type,
    data: bytes.toString('base64'),
  });
}

/** The search that a conditional reference stands for (http://hl7.org/fhir/R4/search.html#escaping). */
export function conditionalUrl(type: string, { system, value }: BusinessIdentifier): string {
  const escaped = (text: string): string => text.replace(/[\\|,$]/g, '\\$&');
  const query = new URLSearchParams({ identifier: `${escaped(system)}|${escaped(value)}` });
  return `${type}?${query.toString()}`;
}

/** Type and identifier of such a search; undefined for every other URL. */
export function conditionalOf(url: string): ({ readonly type: string } & BusinessIdentifier) | undefined {
  const parsed = parseReference(url);
  return parsed.kind === 'conditional' && parsed.identifier ? { type: parsed.type, ...parsed.identifier } : undefined;
}

/** Reads of several resources in one request (http://hl7.org/fhir/R4/http.html#transaction, a batch). */
export function readBatch(keys: readonly { readonly type: string; readonly originalId: string }[]): string {
  const entry = keys.map(({ type, originalId }) => ({ request: { method: 'GET', url: `${type}/${originalId}` } }));
  return JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry });
}
