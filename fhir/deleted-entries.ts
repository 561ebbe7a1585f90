import { parseReference } from './identifiers.ts';
import { isRecord } from './parameters.ts';
import type { RefusalReason } from './refusals.ts';

/** A resource that the responding payer has deleted, under its id there. */
export interface DeletedEntry {
  readonly type: string;
  readonly originalId: string;
}

export type DeletedLine =
  | { readonly kind: 'deletions'; readonly entries: readonly DeletedEntry[] }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

const TYPES: ReadonlySet<unknown> = new Set(['transaction', 'batch']);

/**
 * Reads a line of a manifest's `deleted` file: a transaction Bundle whose entries are `DELETE Type/id` (Bulk Data §4).
 * One entry that is something else, also a deletion of what a query finds or of one version, refuses the whole line.
 */
export function readDeletedLine(text: string, peerBase: string): DeletedLine {
  let bundle: unknown;
  try {
    bundle = JSON.parse(text);
  } catch {
    // The parser's message quotes the line; the reason says enough.
    return { kind: 'refused', reason: 'malformed-json' };
  }
  if (!isRecord(bundle)) return { kind: 'refused', reason: 'not-an-object' };
  const list = bundle['entry'] ?? [];
  if (bundle['resourceType'] !== 'Bundle' || !TYPES.has(bundle['type']) || !Array.isArray(list)) {
    return { kind: 'refused', reason: 'not-a-deletion' };
  }
  const entries: DeletedEntry[] = [];
  for (const each of list as readonly unknown[]) {
    const entry = deletedEntry(each, peerBase);
    if (entry === undefined) return { kind: 'refused', reason: 'not-a-deletion' };
    entries.push(entry);
  }
  return { kind: 'deletions', entries };
}

function deletedEntry(entry: unknown, peerBase: string): DeletedEntry | undefined {
  const request = isRecord(entry) ? entry['request'] : undefined;
  if (!isRecord(request) || request['method'] !== 'DELETE' || typeof request['url'] !== 'string') return undefined;
  const target = parseReference(request['url'], peerBase);
  if (target.kind !== 'literal' || target.version !== undefined) return undefined;
  return { type: target.type, originalId: target.id };
}
