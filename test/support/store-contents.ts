import type { Pool } from 'pg';

/** Which publication a row belongs to, counted by their order: their ids and instants differ from run to run. */
const PUBLICATION = `(SELECT CASE WHEN p.published_at IS NULL THEN 'staged ' || coalesce(p.exchange_id, '')
    ELSE 'publication ' || (SELECT count(*) FROM publication q WHERE q.published_at <= p.published_at) END
  FROM publication p WHERE p.id = t.publication_id)`;

const INSTANT = String.raw`'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)'`;
const timeless = (text: string): string => `regexp_replace(${text}, ${INSTANT}, '<instant>', 'g')`;
/** Short where it is long, and still of one content alone. */
const short = (text: string): string => `left(${text}, 150) || md5(${text})`;

/** Of each table all that does not differ from run to run, as one text for each row. */
const CONTENTS: Readonly<Record<string, string>> = {
  resource: `SELECT concat_ws(' ', type, id, ${PUBLICATION}, patient_id, evidence, generated, deleted,
      CASE WHEN generated THEN '' ELSE encode(content_hash, 'hex') END,
      ${short(`CASE WHEN generated THEN ${timeless('content')} ELSE content END`)}) AS row FROM resource t`,
  resource_identifier: `SELECT concat_ws(' ', type, id, ${PUBLICATION}, system, value) AS row FROM resource_identifier t`,
  resource_name: `SELECT concat_ws(' ', type, id, ${PUBLICATION}, part, name) AS row FROM resource_name t`,
  patient_link: `SELECT concat_ws(' ', patient_id, ${PUBLICATION}, linked_id) AS row FROM patient_link t`,
  unchanged_resource: `SELECT concat_ws(' ', type, id, ${PUBLICATION}) AS row FROM unchanged_resource t`,
  staged_ids: `SELECT concat_ws(' ', type, ${PUBLICATION}, ids) AS row FROM staged_ids t`,
  publication: `SELECT concat_ws(' ', exchange_id, published_at IS NOT NULL, removed) AS row FROM publication`,
  exchange_count: 'SELECT t::text AS row FROM exchange_count t',
  refused_line: 'SELECT t::text AS row FROM refused_line t',
  open_reference: 'SELECT t::text AS row FROM open_reference t',
  open_target: 'SELECT t::text AS row FROM open_target t',
  exchange_file: `SELECT (to_jsonb(t) - 'etag')::text AS row FROM exchange_file t`,
  exchange: `SELECT concat_ws(' ', id, active, warnings, member_patient_id, imported_patient_id, published_at IS NOT NULL) AS row
    FROM exchange`,
  task: `SELECT concat_ws(' ', id, status, business_status, reason, output) AS row FROM task`,
  slot: 'SELECT t::text AS row FROM slot t',
  blob: `SELECT concat_ws(' ', blob_id, sum(octet_length(bytes)), md5(string_agg(bytes, ''::bytea ORDER BY "offset"))) AS row
    FROM blob_chunk GROUP BY blob_id`,
};

export type StoreContents = Readonly<Record<string, readonly string[]>>;

/** All that an exchange leaves in a database, but for instants, numbers of publications, and how blobs are cut into rows. */
export async function storeContents(pool: Pool): Promise<StoreContents> {
  const contents: Record<string, readonly string[]> = {};
  for (const [name, query] of Object.entries(CONTENTS)) {
    const { rows } = await pool.query<{ row: string }>(`${query} ORDER BY 1`);
    contents[name] = rows.map(({ row }) => row);
  }
  return contents;
}

/** What an exchange that was undone leaves behind: that there was one, how far it came, which lines it refused. */
const OF_ENDED = ['exchange', 'exchange_file', 'task', 'refused_line', 'publication'];
/** Of payers, not of records. */
const LEARNED = ['payer_knowledge'];

/** Every row of every table as it stands, but for what stays of an exchange that was undone. */
export async function allTables(pool: Pool, undone: string): Promise<StoreContents> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL($1) ORDER BY 1`,
    [LEARNED],
  );
  const contents: Record<string, readonly string[]> = {};
  for (const { name } of tables) {
    const left = OF_ENDED.includes(name) ? `WHERE position('${undone}' IN t::text) = 0` : '';
    const { rows } = await pool.query<{ row: string }>(`SELECT ${short('t::text')} AS row FROM "${name}" t ${left}`);
    contents[name] = rows.map(({ row }) => row);
  }
  return contents;
}

/** By table the rows that only one of two has; empty where both are the same. */
export function differenceOf(one: StoreContents, other: StoreContents): Record<string, unknown> {
  const differences: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [first, second] = [one[name] ?? [], other[name] ?? []];
    const lost = without(first, second);
    const added = without(second, first);
    if (lost.length + added.length > 0 || first.length !== second.length) {
      differences[name] = { lost, added, counts: [first.length, second.length] };
    }
  }
  return differences;
}

function without(rows: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others);
  return rows.filter((row) => !known.has(row)).slice(0, 5);
}
