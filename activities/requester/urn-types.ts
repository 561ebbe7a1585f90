import { importedId } from '../../fhir/import-references.ts';
import type { ExchangeContext } from '../../fhir/import-transform.ts';
import { RESOURCE_TYPES } from '../../fhir/resource-types.ts';
import type { TargetStore } from './import-threads.ts';

/** Each is looked for under every type there is. */
const IDS_AT_ONCE = 40;

/**
 * Types of the resources that are here under these ids of the payer: an id that is that of several is left out. A URN
 * names a resource without its type. `own`: what comes with the batch that asks.
 */
export async function typesOfUrns(
  store: TargetStore,
  exchangeId: string,
  context: ExchangeContext,
  ids: readonly string[],
  own: readonly { readonly type: string; readonly originalId: string }[] = [],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, Set<string>>(ids.map((id) => [id, new Set()]));
  // The member's Patient is here in any case when the exchange ends.
  found.get(context.memberId)?.add('Patient');
  for (const { type, originalId } of own) found.get(originalId)?.add(type);
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    const keys = ids
      .slice(at, at + IDS_AT_ONCE)
      .flatMap((originalId) =>
        [...RESOURCE_TYPES].map((type) => ({ type, originalId, id: importedId(context, type, originalId) })),
      );
    const known = await store.known(exchangeId, keys);
    for (const { type, originalId, id } of keys) if (known.has(`${type}/${id}`)) found.get(originalId)?.add(type);
  }
  const types = new Map<string, string>();
  for (const [id, [type, ...others]] of found) if (type !== undefined && others.length === 0) types.set(id, type);
  return types;
}
