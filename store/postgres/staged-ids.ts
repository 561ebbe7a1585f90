import type { PoolClient } from 'pg';
import type { ResourceKey } from '../fhir-store.ts';

/** What a batch has staged new or changed: read for Provenance without a look at the records. Ids hold no space. */
export async function keepStagedIds(
  client: PoolClient,
  publicationId: string,
  keys: readonly ResourceKey[],
): Promise<void> {
  if (keys.length === 0) return;
  const byType = idsByType(keys);
  await client.query(
    `INSERT INTO staged_ids (publication_id, type, ids)
     SELECT $1, k.type, k.ids FROM unnest($2::text[], $3::text[]) AS k(type, ids)`,
    [publicationId, [...byType.keys()], [...byType.values()].map((ids) => ids.join(' '))],
  );
}

/** What was staged and is taken back. Seldom any: the texts that hold one of these ids are written anew without. */
export async function dropStagedIds(
  client: PoolClient,
  publicationId: string,
  keys: readonly ResourceKey[],
): Promise<void> {
  for (const [type, ids] of idsByType(keys)) {
    await client.query(
      `UPDATE staged_ids s
       SET ids = (SELECT coalesce(string_agg(id, ' '), '') FROM string_to_table(s.ids, ' ') AS id WHERE id <> ALL($3::text[]))
       WHERE s.publication_id = $1 AND s.type = $2
         AND EXISTS (SELECT 1 FROM string_to_table(s.ids, ' ') AS id WHERE id = ANY($3::text[]))`,
      [publicationId, type, ids],
    );
  }
}

function idsByType(keys: readonly ResourceKey[]): ReadonlyMap<string, readonly string[]> {
  const byType = new Map<string, string[]>();
  for (const { type, id } of keys) {
    const ids = byType.get(type);
    if (ids === undefined) byType.set(type, [id]);
    else ids.push(id);
  }
  return byType;
}
