import type { PoolClient } from 'pg';
import { earlierPublications, FIRST_DELIVERED } from './staged-keys.ts';
import { SHARED_TYPE_LIST } from './staging.ts';

/** So many pages are in memory together: few enough to be gone before the collector moves them. */
const PAGES_AT_ONCE = 16;

/** The ids of each type in their order, in texts of $4. A type is quickly sorted: its ids differ from the first character on. */
const TEXTS = `SELECT t.type, s.ids FROM (
    SELECT DISTINCT type FROM staged_ids WHERE publication_id = $1::bigint
    UNION SELECT DISTINCT type FROM unchanged_resource WHERE publication_id = $1::bigint AND type = ANY($2::text[])
  ) t CROSS JOIN LATERAL (
    SELECT page, string_agg(id, ' ' ORDER BY id) AS ids FROM (
      SELECT id, (row_number() OVER (ORDER BY id) - 1) / $4::int AS page FROM (
        SELECT string_to_table(i.ids, ' ') AS id FROM staged_ids i
        WHERE i.publication_id = $1::bigint AND i.type = t.type
        UNION ALL SELECT r.id ${FIRST_DELIVERED} AND r.type = t.type
      ) k
    ) p GROUP BY page
  ) s ORDER BY t.type, s.page`;

/** The keys that `stagedKeys` names, all of them in the same order, in pages of `size`, some pages at a time. */
export async function* stagedPages(
  client: PoolClient,
  exchangeId: string,
  publicationId: string,
  size: number,
): AsyncGenerator<readonly (readonly string[])[]> {
  const before = await earlierPublications(client, exchangeId);
  await client.query(`DECLARE staged_page NO SCROLL CURSOR FOR ${TEXTS}`, [
    ...[publicationId, SHARED_TYPE_LIST, before, size],
  ]);
  let keys: string[] = [];
  for (;;) {
    const { rows } = await client.query<{ type: string; ids: string }>(`FETCH ${PAGES_AT_ONCE} FROM staged_page`);
    if (rows.length === 0) break;
    const pages: (readonly string[])[] = [];
    for (const { type, ids } of rows) {
      keys = keys.concat(ids.split(' ').map((id) => `${type}/${id}`));
      if (keys.length < size) continue;
      pages.push(keys.slice(0, size));
      keys = keys.slice(size);
    }
    yield pages;
  }
  if (keys.length > 0) yield [keys];
  await client.query('CLOSE staged_page');
}
