import { createHash, randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { ExchangeError } from '../../fhir/errors.ts';
import { marksOf } from '../../fhir/record-marks.ts';
import { stripServerMeta, withId } from '../../fhir/stored-text.ts';
import { keyOf } from '../fhir-store.ts';
import type { ResourceKey, Write, WriteResult } from '../fhir-store.ts';
import { nextInstant, openNativePublication, publishAt } from './clock.ts';
import { noteMoved } from './moved-records.ts';
import { ownersOf } from './owner.ts';
import { keyColumns, newestOfKey, toStored, VERSION_COLUMNS } from './rows.ts';
import type { ResourceRow } from './rows.ts';
import { stageRows } from './stage.ts';
import type { StagedRow } from './stage.ts';
import { inTransaction } from './transaction.ts';

/** What stands before a write, by key. */
type Newest = ReadonlyMap<string, ResourceRow & { readonly hash: string }>;

interface Plan {
  readonly key: ResourceKey;
  readonly outcome: WriteResult['outcome'];
  /** Absent where nothing changes. */
  readonly text?: string;
  readonly hash?: string;
}

/**
 * Everything is staged before the clock's row is locked, so that nobody waits for it long. If one of the resources was
 * changed by somebody else in the meantime, it is all done again with the lock taken first.
 */
export async function writeResources(pool: Pool, writes: readonly Write[]): Promise<readonly WriteResult[]> {
  const keyed = writes.map((write) => ({ write, key: { type: write.type, id: write.id ?? randomUUID() } }));
  if (new Set(keyed.map(({ key }) => keyOf(key))).size < keyed.length) {
    throw new ExchangeError('request-invalid', { diagnostics: 'One resource is written twice.' });
  }
  try {
    return await inTransaction(pool, (client) => writeOnce(client, keyed, false));
  } catch (error) {
    if (!(error instanceof OvertakenError)) throw error;
    return await inTransaction(pool, (client) => writeOnce(client, keyed, true));
  }
}

class OvertakenError extends Error {
  override readonly name = 'OvertakenError';
}

/** As native writes are kept: without what the server assigns, and on one line (line breaks are between tokens only). */
export function storedForm(text: string, id: string): string {
  return stripServerMeta(withId(text, id))
    .replace(/[\r\n][ \t\r\n]*/g, '')
    .trim();
}

export function contentHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function writeOnce(
  client: PoolClient,
  keyed: readonly { readonly write: Write; readonly key: ResourceKey }[],
  lockFirst: boolean,
): Promise<readonly WriteResult[]> {
  const early = lockFirst ? await nextInstant(client) : undefined;
  const keys = keyed.map(({ key }) => key);
  const before = await newestOf(client, keys);
  const plans = keyed.map(({ write, key }) => planWrite(write, key, before.get(keyOf(key))));
  const publicationId = await stagePlans(client, plans, before);
  if (publicationId === undefined) return plans.map((plan) => unchangedResult(plan, before));
  const instant = early ?? (await nextInstant(client));
  if (early === undefined && !isSame(before, await newestOf(client, keys))) throw new OvertakenError();
  await noteMoved(
    client,
    plans.filter(({ hash }) => hash !== undefined).map(({ key }) => key),
  );
  await publishAt(client, publicationId, instant);
  const after = await newestOf(client, keys);
  return plans.map((plan) => (plan.hash === undefined ? unchangedResult(plan, before) : result(plan, after)));
}

function planWrite(
  write: Write,
  key: ResourceKey,
  before: (ResourceRow & { readonly hash: string }) | undefined,
): Plan {
  const exists = before !== undefined && !before.deleted;
  if (write.kind === 'create') {
    if (exists) throw new ExchangeError('conflict', { diagnostics: 'The id is in use.' });
  } else if (write.ifMatch !== undefined && before?.publication_id !== write.ifMatch) {
    throw new ExchangeError('version-conflict');
  }
  if (write.kind === 'delete') {
    if (before === undefined) throw new ExchangeError('not-found');
    return before.deleted
      ? { key, outcome: 'unchanged' }
      : { key, outcome: 'deleted', text: '', hash: contentHash('') };
  }
  const text = storedForm(write.text, key.id);
  const hash = contentHash(text);
  if (exists && before.hash === hash) return { key, outcome: 'unchanged' };
  return { key, outcome: exists ? 'updated' : 'created', text, hash };
}

async function stagePlans(client: PoolClient, plans: readonly Plan[], before: Newest): Promise<string | undefined> {
  const changes = plans.filter((plan) => plan.hash !== undefined);
  if (changes.length === 0) return undefined;
  const resources = changes
    .filter(({ outcome }) => outcome !== 'deleted')
    .map(({ key, text = '' }) => ({ ...key, resource: JSON.parse(text) as Readonly<Record<string, unknown>> }));
  const owners = await ownersOf(client, resources);
  const rows = changes.map(({ key, outcome, text = '', hash = '' }): StagedRow => {
    const previous = before.get(keyOf(key));
    const deleted = outcome === 'deleted';
    return {
      ...key,
      // A tombstone stays in the compartment, so that an export can tell of the deletion.
      patientId: deleted ? (previous?.patient_id ?? undefined) : owners.get(keyOf(key)),
      evidence: previous?.evidence ?? false,
      generated: false,
      deleted,
      contentHash: hash,
      content: text,
      marks: deleted ? undefined : marksOf(text),
    };
  });
  const publicationId = await openNativePublication(client);
  await stageRows(client, publicationId, rows);
  return publicationId;
}

async function newestOf(client: PoolClient, keys: readonly ResourceKey[]): Promise<Newest> {
  const { rows } = await client.query<ResourceRow & { readonly hash: string }>(
    `SELECT v.* FROM unnest($1::text[], $2::text[]) AS k(type, id)
     JOIN LATERAL ${newestOfKey(`${VERSION_COLUMNS}, r.content, encode(r.content_hash, 'hex') AS hash`)} v ON true`,
    keyColumns(keys),
  );
  return new Map(rows.map((row) => [keyOf(row), row]));
}

function isSame(before: Newest, now: Newest): boolean {
  if (before.size !== now.size) return false;
  return [...now].every(([key, row]) => before.get(key)?.publication_id === row.publication_id);
}

function unchangedResult(plan: Plan, before: Newest): WriteResult {
  return result({ ...plan, outcome: 'unchanged' }, before);
}

function result({ key, outcome }: Plan, rows: Newest): WriteResult {
  const row = rows.get(keyOf(key));
  if (row === undefined) throw new Error('A written resource cannot be read.');
  return { resource: toStored(row), outcome };
}
