import type { Pool } from 'pg';
import type { ImportRow } from '../fhir-store.ts';
import { stageRows, unstage } from './stage.ts';
import { stagedPages } from './staged-pages.ts';
import { lockStaging, toStagedRow } from './staging.ts';
import { inTransaction } from './transaction.ts';

/** One transaction: there is no connection to wait for while the keys are read, and a try that ends leaves nothing. */
export function stageAbout(
  pool: Pool,
  exchangeId: string,
  size: number,
  about: (keys: readonly string[], page: number) => ImportRow,
): Promise<void> {
  return inTransaction(pool, async (client) => {
    const publicationId = await lockStaging(client, exchangeId);
    let page = 0;
    for await (const pages of stagedPages(client, exchangeId, publicationId, size)) {
      const rows = pages.map((keys) => about(keys, page++));
      await unstage(client, publicationId, rows);
      const staged = rows.map((row) => toStagedRow(row, true));
      await stageRows(client, publicationId, staged);
    }
  });
}
