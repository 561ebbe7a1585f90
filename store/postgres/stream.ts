import type { StoredResource } from '../fhir-store.ts';
import { toStored } from './rows.ts';
import type { ResourceRow, VersionRow } from './rows.ts';
import type { Queryable } from './transaction.ts';

export interface SizedRow extends VersionRow {
  /** Bytes of the text. */
  readonly size: number;
}

/** Selected beside the columns of a version to get a `SizedRow`; does not read the text itself. */
export const SIZE_COLUMN = 'octet_length(r.content) AS size';

const MAX_BYTES_AT_ONCE = 4 * 1024 * 1024;

/** The versions with their texts, in their order: never more of them in memory than a few megabytes (or one text). */
export async function* withTexts(client: Queryable, rows: readonly SizedRow[]): AsyncGenerator<StoredResource> {
  for (const group of groupsBySize(rows)) {
    const { rows: texts } = await client.query<{ n: string; content: string }>(
      `SELECT k.n, r.content FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS k(type, id, publication_id, n)
       JOIN resource r ON r.type = k.type AND r.id = k.id AND r.publication_id = k.publication_id`,
      [group.map((row) => row.type), group.map((row) => row.id), group.map((row) => row.publication_id)],
    );
    const contents = new Map(texts.map((row) => [Number(row.n), row.content]));
    for (const [index, row] of group.entries()) {
      const content = contents.get(index + 1);
      if (content !== undefined) yield toStored({ ...row, content } satisfies ResourceRow);
    }
  }
}

function* groupsBySize(rows: readonly SizedRow[]): Generator<readonly SizedRow[]> {
  let group: SizedRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (group.length > 0 && bytes + row.size > MAX_BYTES_AT_ONCE) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(row);
    bytes += row.size;
  }
  if (group.length > 0) yield group;
}
