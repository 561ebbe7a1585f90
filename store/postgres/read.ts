import type { Pool } from 'pg';
import { keyOf } from '../fhir-store.ts';
import type { Instants, ResourceKey, StoredResource } from '../fhir-store.ts';
import type { HistoryQuery } from '../search-query.ts';
import { keyColumns, newestOfKey, toStored, VERSION_COLUMNS } from './rows.ts';
import type { ResourceRow } from './rows.ts';
import { SIZE_COLUMN, withTexts } from './stream.ts';
import type { SizedRow } from './stream.ts';
import { Parameters } from './transaction.ts';
import type { Queryable } from './transaction.ts';

const KEYS_AT_ONCE = 500;
const VERSION_ID = /^\d{1,18}$/;

const VERSIONS_OF_ONE = `SELECT ${VERSION_COLUMNS}, r.content FROM resource r JOIN publication p ON p.id = r.publication_id
  WHERE r.type = $1 AND r.id = $2 AND p.published_at IS NOT NULL`;

export async function readResource(client: Queryable, type: string, id: string): Promise<StoredResource | undefined> {
  const { rows } = await client.query<ResourceRow>(`${VERSIONS_OF_ONE} ORDER BY p.published_at DESC LIMIT 1`, [
    type,
    id,
  ]);
  return rows[0] && toStored(rows[0]);
}

export async function readVersion(
  client: Queryable,
  type: string,
  id: string,
  versionId: string,
): Promise<StoredResource | undefined> {
  if (!VERSION_ID.test(versionId)) return undefined;
  const { rows } = await client.query<ResourceRow>(`${VERSIONS_OF_ONE} AND r.publication_id = $3`, [
    type,
    id,
    versionId,
  ]);
  return rows[0] && toStored(rows[0]);
}

/** Newest first. */
export async function readHistory(
  client: Queryable,
  type: string,
  id: string,
  { since, before, count }: HistoryQuery = {},
): Promise<readonly StoredResource[]> {
  const { rows } = await client.query<ResourceRow>(
    `${VERSIONS_OF_ONE} AND ($3::timestamptz IS NULL OR p.published_at >= $3)
     AND ($4::timestamptz IS NULL OR p.published_at < $4) ORDER BY p.published_at DESC LIMIT $5`,
    [type, id, since, before, count],
  );
  return rows.map(toStored);
}

export async function* readMany(
  pool: Pool,
  keys: readonly ResourceKey[],
  instants: Instants = {},
): AsyncGenerator<StoredResource> {
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const parameters = new Parameters();
    const [types, ids] = keyColumns(keys.slice(at, at + KEYS_AT_ONCE));
    const keyList = `unnest(${parameters.add(types)}::text[], ${parameters.add(ids)}::text[])`;
    const asOf = instants.asOf === undefined ? undefined : `${parameters.add(instants.asOf)}::timestamptz`;
    const since =
      instants.since === undefined ? '' : `AND v.published_at > ${parameters.add(instants.since)}::timestamptz`;
    const { rows } = await pool.query<SizedRow>(
      `SELECT v.* FROM ${keyList} WITH ORDINALITY AS k(type, id, n)
       JOIN LATERAL ${newestOfKey(`${VERSION_COLUMNS}, ${SIZE_COLUMN}`, asOf)} v ON NOT v.deleted ${since} ORDER BY k.n`,
      parameters.values,
    );
    yield* withTexts(pool, rows);
  }
}

/** Which of the resources are visible now. */
export async function visibleKeys(client: Queryable, keys: readonly ResourceKey[]): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<ResourceKey>(
    `SELECT k.type, k.id FROM unnest($1::text[], $2::text[]) AS k(type, id)
     JOIN LATERAL ${newestOfKey('r.deleted')} v ON NOT v.deleted`,
    keyColumns(keys),
  );
  return new Set(rows.map(keyOf));
}

export async function linkedPatients(client: Queryable, patientId: string): Promise<readonly string[]> {
  return (await linkedPatientsOf(client, [patientId])).get(patientId) ?? [];
}

/** The linked Patients, whichever side holds the link, and those linked with them; of each itself first. */
export async function linkedPatientsOf(
  client: Queryable,
  patientIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await client.query<{ root: string; id: string }>(
    `WITH RECURSIVE member(root, id) AS (
       SELECT k.id, k.id FROM (SELECT DISTINCT id COLLATE "C" AS id FROM unnest($1::text[]) AS u(id)) k
       UNION
       SELECT m.root, CASE WHEN l.patient_id = m.id THEN l.linked_id ELSE l.patient_id END
       FROM member m
       JOIN patient_link l ON l.patient_id = m.id OR l.linked_id = m.id
       JOIN LATERAL (
         SELECT r.publication_id FROM resource r JOIN publication p ON p.id = r.publication_id
         WHERE r.type = 'Patient' AND r.id = l.patient_id AND p.published_at IS NOT NULL
         ORDER BY p.published_at DESC LIMIT 1
       ) v ON v.publication_id = l.publication_id
     ) SELECT root, id FROM member`,
    [patientIds],
  );
  const linked = new Map(patientIds.map((id) => [id, [id]]));
  for (const { root, id } of rows) if (id !== root) linked.get(root)?.push(id);
  return linked;
}
