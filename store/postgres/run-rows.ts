import { KEY } from './rows.ts';

/**
 * The texts of versions of one run `k(page, version, records)` of a part, in the order of rows, or of ids where they stand on
 * no page. `type`: a literal.
 */
export function textsOfRun(type: string, separator: string): string {
  // It is evaluated for a run of ids, too.
  const numbers = "(CASE WHEN k.page IS NOT NULL THEN string_to_array(k.records, ' ')::int[] END)";
  const keys = `string_to_array(concat(${type}, '/', replace(k.records, ' ', concat(' ', ${type}, '/'))), ' ')`;
  return `(SELECT string_agg(r.content, ${separator}) AS texts FROM (
    (SELECT r.content FROM resource r WHERE k.records = '' AND r.page_id = k.page ORDER BY r.page_row)
    UNION ALL (
      SELECT r.content FROM resource r WHERE k.records <> '' AND r.page_id = k.page AND r.page_row = ANY (${numbers})
      ORDER BY r.page_row
    ) UNION ALL (
      SELECT r.content FROM resource r WHERE k.page IS NULL AND r.publication_id = k.version AND ${KEY} = ANY (${keys})
      ORDER BY ${KEY}
    )
  ) r)`;
}
