import type { Pool, PoolClient } from 'pg';
import { ExchangeError } from '../../fhir/errors.ts';
import { marksOf } from '../../fhir/record-marks.ts';
import { addPatientLink } from '../../fhir/stored-text.ts';
import { nextInstant, openNativePublication, publishAt } from './clock.ts';
import { settleDeletions } from './deletions.ts';
import { newestOfKey } from './rows.ts';
import { settleShared } from './settle-shared.ts';
import { stageRows } from './stage.ts';
import { lockPublication, SHARED_TYPE_LIST } from './staging.ts';
import { inTransaction } from './transaction.ts';
import { contentHash } from './write.ts';

export interface PatientPair {
  readonly localPatientId: string;
  readonly importedPatientId: string;
}

/**
 * Flips one row. Before it, under the clock's lock, what was staged is settled with what others have published since;
 * after it, the local Patient gets its link, in a native version of its own.
 */
export async function publish(pool: Pool, exchangeId: string, link: PatientPair | undefined): Promise<string> {
  const published = await inTransaction(pool, async (client) => {
    const publication = await lockPublication(client, exchangeId);
    if (publication.publishedAt !== undefined) return publication.publishedAt;
    const instant = await nextInstant(client);
    await settleShared(client, exchangeId, publication.id);
    await settleDeletions(client, exchangeId, publication.id);
    await publishAt(client, publication.id, instant);
    await keepWithExchange(client, exchangeId, instant, link);
    if (link !== undefined) await linkPatients(client, link);
    return instant;
  });
  await forgetFirstPass(pool, exchangeId);
  return published;
}

/** In the same transaction: whoever asks after a crash must not take a published exchange for one that can be undone. */
async function keepWithExchange(
  client: PoolClient,
  exchangeId: string,
  instant: string,
  link: PatientPair | undefined,
): Promise<void> {
  await client.query('UPDATE exchange SET published_at = $2, imported_patient_id = $3 WHERE id = $1', [
    ...[exchangeId, instant, link?.importedPatientId],
  ]);
}

/**
 * What only the import itself needed: what it points to, what it staged, which records of the member did not change. It
 * grows with the exchange, so nobody waits for it under the clock's lock; a publication that is repeated forgets the rest.
 */
async function forgetFirstPass(pool: Pool, exchangeId: string): Promise<void> {
  await pool.query('DELETE FROM open_target WHERE exchange_id = $1', [exchangeId]);
  await pool.query(
    'DELETE FROM staged_ids s USING publication p WHERE p.exchange_id = $1 AND s.publication_id = p.id',
    [exchangeId],
  );
  await pool.query(
    `DELETE FROM unchanged_resource u USING publication p
     WHERE p.exchange_id = $1 AND u.publication_id = p.id AND u.type <> ALL($2::text[])`,
    [exchangeId, SHARED_TYPE_LIST],
  );
}

async function linkPatients(client: PoolClient, { localPatientId, importedPatientId }: PatientPair): Promise<void> {
  const { rows } = await client.query<{ content: string; evidence: boolean; deleted: boolean }>(
    `SELECT v.* FROM (SELECT 'Patient' AS type, $1::text AS id) k
     JOIN LATERAL ${newestOfKey('r.content, r.evidence, r.deleted')} v ON true`,
    [localPatientId],
  );
  const [local] = rows;
  if (local === undefined || local.deleted) throw new ExchangeError('patient-unknown');
  const content = addPatientLink(local.content, `Patient/${importedPatientId}`);
  if (content === local.content) return;
  const publicationId = await openNativePublication(client);
  const patient = { type: 'Patient', id: localPatientId, patientId: localPatientId, content };
  const state = { evidence: local.evidence, generated: false, deleted: false };
  const seen = { contentHash: contentHash(content), marks: marksOf(content) };
  await stageRows(client, publicationId, [{ ...patient, ...state, ...seen }]);
  await publishAt(client, publicationId, await nextInstant(client));
}
