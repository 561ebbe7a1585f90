import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { decodedBlob, transferBlob } from '../../../store/exchange-files.ts';
import { createTestDatabase } from '../../support/environment.ts';
import type { TestDatabase } from '../../support/environment.ts';
import type { DirectRequester } from '../../support/requester/direct-requester.ts';
import { once } from '../../support/requester/steps.ts';
import { prepareImport } from './prepared-import.ts';
import type { PreparedImport } from './prepared-import.ts';

let prepared: PreparedImport;
let database: TestDatabase;
let requester: DirectRequester;

beforeAll(async () => {
  prepared = await prepareImport();
  prepared.responder.set({ files: { gzip: false, wrap: 'binary' } });
  database = await createTestDatabase(prepared.template);
  requester = prepared.outside.open(database.url);
});

afterAll(async () => {
  await requester.close();
  await prepared.close();
  await database.drop();
});

const download = (): Promise<void> =>
  once(() => requester.activities.downloadFiles({ taskId: prepared.taskId, first: 0, last: 0 }));

async function blobs(): Promise<readonly string[]> {
  const { rows } = await requester.pool.query<{ blob_id: string }>(
    'SELECT DISTINCT blob_id FROM blob_chunk WHERE starts_with(blob_id, $1)',
    [`exchange/${prepared.taskId}/`],
  );
  return rows.map(({ blob_id }) => blob_id);
}

it('what came of a file goes once it is kept in another form, also where the attempt that kept it has ended before', async () => {
  const { taskId } = prepared;
  await download();
  expect(await blobs()).toEqual([decodedBlob(taskId, 0)]);
  await requester.pool.query(`INSERT INTO blob_chunk (blob_id, "offset", bytes) VALUES ($1, 0, 'as received')`, [
    transferBlob(taskId, 0),
  ]);
  await download();
  expect(await blobs()).toEqual([decodedBlob(taskId, 0)]);
});
