import type { Pool, PoolClient } from 'pg';
import { identifiersOf } from '../../fhir/identifiers.ts';
import { indexable, LOOKED_UP_TYPES } from '../../fhir/index-values.ts';
import { keyOf } from '../fhir-store.ts';
import type { Identifier, ImportRow, LineKey, MissingTarget, OpenTarget, ResourceKey } from '../fhir-store.ts';
import { endOfType, KEY, keyColumns, newestOfKey } from './rows.ts';
import { addCounts } from './counts.ts';
import type { MutableCounts } from './counts.ts';
import { copyRows } from './copy.ts';
import { noteMoved } from './moved-records.ts';
import { stageRows, unstage } from './stage.ts';
import { dropStagedIds, keepStagedIds } from './staged-ids.ts';
import { keepUnchanged, knownOf, lockStaging, SHARED_TYPE_LIST, toStagedRow } from './staging.ts';
import { inTransaction } from './transaction.ts';
import type { Queryable } from './transaction.ts';

/** `t` is an open target; its exchange's publication is `p`. */
const HAS_COME = `(EXISTS (SELECT 1 FROM resource r
      WHERE r.type = t.type AND r.id = t.local_id AND r.publication_id = p.id AND NOT r.deleted)
    OR EXISTS (SELECT 1 FROM unchanged_resource u
      WHERE u.publication_id = p.id AND u.type = t.type AND u.id = t.local_id))`;

/** One probe for each key, whatever becomes of it: most of them were staged by this exchange a moment ago. */
export async function knownKeys(
  client: Queryable,
  exchangeId: string,
  keys: readonly ResourceKey[],
): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await client.query<ResourceKey>(
    `SELECT k.type, k.id FROM unnest($2::text[], $3::text[]) AS k(type, id)
     CROSS JOIN LATERAL (
       SELECT bool_or(NOT r.deleted AND p.exchange_id = $1) AS own,
         (array_agg(r.deleted ORDER BY p.published_at DESC) FILTER (WHERE p.published_at IS NOT NULL))[1] AS deleted
       FROM (SELECT * FROM resource r WHERE r.type = k.type AND r.id = k.id OFFSET 0) r
       JOIN publication p ON p.id = r.publication_id
     ) v
     WHERE v.own OR NOT v.deleted`,
    [exchangeId, ...keyColumns(keys)],
  );
  return new Set(rows.map(keyOf));
}

/**
 * Among what the exchange brought, and what the same payer brought before: for this member, or shared. Types that are not
 * indexed are read through, as far as this exchange brought them.
 */
export async function broughtByIdentifier(
  client: Queryable,
  exchangeId: string,
  type: string,
  { system, value }: Identifier,
): Promise<string | undefined> {
  if (!LOOKED_UP_TYPES.has(type)) return readThrough(client, exchangeId, type, { system, value });
  const { rows } = await client.query<{ id: string }>(
    `SELECT DISTINCT k.id FROM resource_identifier k
     JOIN publication q ON q.id = k.publication_id JOIN exchange o ON o.id = q.exchange_id
     LEFT JOIN exchange e ON e.id = $1
     LEFT JOIN LATERAL ${newestOfKey('r.publication_id, r.deleted')} v ON true
     WHERE k.type = $2 AND k.system = $3 AND k.value = $4 AND (o.id = $1 OR (
       o.organization_id = e.organization_id AND (k.type = ANY($5::text[]) OR o.local_patient_id = e.local_patient_id)
       AND v.publication_id = k.publication_id AND NOT v.deleted))
     LIMIT 2`,
    [exchangeId, type, indexable(system), indexable(value), SHARED_TYPE_LIST],
  );
  return rows.length === 1 ? rows[0]?.id : undefined;
}

async function readThrough(
  client: Queryable,
  exchangeId: string,
  type: string,
  { system, value }: Identifier,
): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string; content: string }>(
    `SELECT r.id, r.content FROM publication p JOIN resource r ON r.publication_id = p.id
     WHERE p.exchange_id = $1 AND ${KEY} >= $2 AND ${KEY} < $3 AND NOT r.deleted AND position($4 IN r.content) > 0
     UNION ALL
     SELECT v.id, v.content FROM publication p JOIN unchanged_resource k ON k.publication_id = p.id AND k.type = $5
     JOIN LATERAL ${newestOfKey('r.id, r.content, r.deleted')} v ON NOT v.deleted AND position($4 IN v.content) > 0
     WHERE p.exchange_id = $1`,
    [exchangeId, `${type}/`, endOfType(type), JSON.stringify(value), type],
  );
  const ids = rows.filter(({ content }) => {
    const resource = JSON.parse(content) as Readonly<Record<string, unknown>>;
    return identifiersOf(resource).some((each) => each.system === system && each.value === value);
  });
  const [first, ...others] = new Set(ids.map(({ id }) => id));
  return others.length === 0 ? first : undefined;
}

export async function addOpenTargets(
  client: PoolClient,
  exchangeId: string,
  file: number,
  targets: readonly OpenTarget[],
): Promise<void> {
  const seen = new Set<string>();
  const fresh = targets.filter((target) => {
    const key = `${keyOf({ type: target.type, id: target.originalId })}/${target.line}`;
    return !seen.has(key) && seen.add(key);
  });
  await copyRows(
    client,
    'open_target (exchange_id, type, original_id, file, line, local_id, url, content_type)',
    fresh.map(({ type, originalId, line, localId, url, contentType }) => [
      ...[exchangeId, type, originalId, file, line, localId, url, contentType],
    ]),
  );
}

interface TargetRow {
  readonly type: string;
  readonly original_id: string;
  readonly local_id: string | null;
  readonly url: string | null;
  readonly content_type: string | null;
}

export async function missingTargets(
  client: Queryable,
  exchangeId: string,
  { accepts, limit }: { readonly accepts: (type: string) => boolean; readonly limit: number },
): Promise<readonly MissingTarget[]> {
  const { rows: types } = await client.query<{ type: string }>(
    'SELECT DISTINCT type FROM open_target WHERE exchange_id = $1',
    [exchangeId],
  );
  const accepted = types.map(({ type }) => type).filter(accepts);
  if (accepted.length === 0) return [];
  const { rows } = await client.query<TargetRow>(
    `SELECT DISTINCT ON (t.type, t.original_id) t.* FROM open_target t JOIN publication p ON p.exchange_id = t.exchange_id
     WHERE t.exchange_id = $1 AND t.type = ANY($2::text[]) AND NOT t.tried AND NOT ${HAS_COME}
     ORDER BY t.type, t.original_id LIMIT $3`,
    [exchangeId, accepted, limit],
  );
  return rows.map(toTarget);
}

export async function searchedTargets(client: Queryable, exchangeId: string): Promise<readonly MissingTarget[]> {
  const { rows } = await client.query<TargetRow>(
    `SELECT DISTINCT ON (type, original_id) * FROM open_target WHERE exchange_id = $1 AND local_id IS NULL
     ORDER BY type, original_id`,
    [exchangeId],
  );
  return rows.map(toTarget);
}

export async function foundTarget(
  client: Queryable,
  exchangeId: string,
  { type, originalId }: MissingTarget,
  found: ResourceKey,
): Promise<void> {
  await client.query(
    `UPDATE open_target SET type = $4, local_id = $5 WHERE exchange_id = $1 AND type = $2 AND original_id = $3`,
    [exchangeId, type, originalId, found.type, found.id],
  );
}

export async function markTried(
  client: Queryable,
  exchangeId: string,
  targets: readonly MissingTarget[],
): Promise<void> {
  await client.query(
    `UPDATE open_target t SET tried = true FROM unnest($2::text[], $3::text[]) AS k(type, original_id)
     WHERE t.exchange_id = $1 AND t.type = k.type AND t.original_id = k.original_id`,
    [exchangeId, targets.map(({ type }) => type), targets.map(({ originalId }) => originalId)],
  );
}

export async function triedTargets(client: Queryable, exchangeId: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(DISTINCT (type, original_id))::int AS count FROM open_target WHERE exchange_id = $1 AND tried`,
    [exchangeId],
  );
  return rows[0]?.count ?? 0;
}

export async function settleableLines(
  client: Queryable,
  exchangeId: string,
  limit: number,
): Promise<readonly LineKey[]> {
  const { rows } = await client.query<LineKey>(
    `SELECT DISTINCT t.file, t.line FROM open_target t JOIN publication p ON p.exchange_id = t.exchange_id
     WHERE t.exchange_id = $1 AND ${HAS_COME} ORDER BY t.file, t.line LIMIT $2`,
    [exchangeId, limit],
  );
  return rows;
}

/** A record that was found as it is visible may be another now, and the other way round: it is sorted again. */
export function restage(
  pool: Pool,
  exchangeId: string,
  rows: readonly ImportRow[],
  lines: readonly LineKey[],
): Promise<void> {
  return inTransaction(pool, async (client) => {
    const publicationId = await lockStaging(client, exchangeId);
    const known = await knownOf(client, publicationId, rows);
    const changed: ImportRow[] = [];
    const counts = new Map<string, MutableCounts>();
    const visibleAgain: ImportRow[] = [];
    const stagedNow: ImportRow[] = [];
    for (const row of rows) {
      const { staged = null, visible = null } = known.get(keyOf(row)) ?? {};
      if (staged === row.contentHash || (staged === null && visible === row.contentHash)) continue;
      const count = counts.get(row.type) ?? { received: 0, new: 0, updated: 0, unchanged: 0 };
      counts.set(row.type, count);
      if (visible === row.contentHash) {
        visibleAgain.push(row);
        count.updated -= 1;
        count.unchanged += 1;
      } else {
        changed.push(row);
        if (staged === null) {
          stagedNow.push(row);
          count.updated += 1;
          count.unchanged -= 1;
        }
      }
    }
    await unstage(client, publicationId, [...changed, ...visibleAgain]);
    await forgetUnchanged(client, publicationId, changed);
    const staged = changed.map((row) => toStagedRow(row, false));
    await stageRows(client, publicationId, staged);
    await noteMoved(
      client,
      stagedNow.filter((row) => known.has(keyOf(row))),
    );
    await keepStagedIds(client, publicationId, stagedNow);
    await keepUnchanged(client, publicationId, visibleAgain);
    await dropStagedIds(client, publicationId, visibleAgain);
    await addCounts(client, exchangeId, counts);
    await client.query(
      `DELETE FROM open_target t USING publication p, unnest($2::int[], $3::int[]) AS k(file, line)
       WHERE t.exchange_id = $1 AND p.exchange_id = $1 AND t.file = k.file AND t.line = k.line AND ${HAS_COME}`,
      [exchangeId, lines.map(({ file }) => file), lines.map(({ line }) => line)],
    );
  });
}

async function forgetUnchanged(client: PoolClient, publicationId: string, keys: readonly ResourceKey[]): Promise<void> {
  await client.query(
    `DELETE FROM unchanged_resource u USING unnest($2::text[], $3::text[]) AS k(type, id)
     WHERE u.publication_id = $1 AND u.type = k.type AND u.id = k.id`,
    [publicationId, ...keyColumns(keys)],
  );
}

export async function countOpenTargets(client: Queryable, exchangeId: string): Promise<void> {
  await client.query(
    `INSERT INTO open_reference AS o (exchange_id, type, "references")
     SELECT exchange_id, type, count(*) FROM open_target WHERE exchange_id = $1 GROUP BY exchange_id, type
     ON CONFLICT (exchange_id, type) DO UPDATE SET "references" = excluded."references"`,
    [exchangeId],
  );
}

function toTarget({ type, original_id: originalId, local_id, url, content_type }: TargetRow): MissingTarget {
  return {
    ...{ type, originalId, localId: local_id ?? undefined },
    ...(url !== null && { url }),
    ...(content_type !== null && { contentType: content_type }),
  };
}
