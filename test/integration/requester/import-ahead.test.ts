import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { importFiles } from '../../../activities/requester/import-files.ts';
import type { RequesterDeps } from '../../../activities/requester/deps.ts';
import { transferBlob } from '../../../store/exchange-files.ts';
import type { ImportBatch } from '../../../store/fhir-store.ts';
import { createResource } from '../../support/records.ts';
import {
  LOCAL_PATIENT,
  payerDefinition,
  RESPONDING_ORGANIZATION,
  startRequester,
} from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';

const LINES = 5500;
const LINES_OF_A_BATCH = 1000;

let requester: Requester;
let taskId: string;
/** Batches in the order in which the store got them, and how many it works on. */
let begun: number[];
let underWay: number;

beforeAll(async () => {
  const { server } = await payerDefinition('https://peer.example');
  requester = await startRequester([server]);
  await createResource(requester.fhir, `{"resourceType":"Patient","id":"${LOCAL_PATIENT}"}`);
  const { taskId: opened } = await requester.exchanges.open({
    ...{ payerPid: 1, organizationId: RESPONDING_ORGANIZATION, localPatientId: LOCAL_PATIENT, warnings: [] },
    request: { exportEntries: [], member: { id: 'p1' } },
  });
  taskId = opened;
  await requester.exchanges.change(taskId, { memberPatientId: 'p1' });
  await requester.files.plan(taskId, [
    { list: 'output', type: 'Goal', url: 'https://peer.example/g', announcedCount: LINES },
  ]);
  const goals = Array.from(
    { length: LINES },
    (_, index) => `{"resourceType":"Goal","id":"g${index}","subject":{"reference":"Patient/p1"}}\n`,
  );
  const bytes = Buffer.from(goals.join(''));
  await requester.blobs.append(transferBlob(taskId, 0), 0, bytes);
  const kept = { keptBlob: transferBlob(taskId, 0), keptBytes: bytes.length };
  await requester.files.change(taskId, 0, { downloaded: true, lines: LINES, ...kept });
});

afterAll(() => requester.stop());

/** Imports anew; each batch takes a while in the store, so that others are prepared behind it. */
async function importWith(changed: Partial<RequesterDeps>, refuse = (_batch: ImportBatch): boolean => false) {
  [begun, underWay] = [[], 0];
  const importBatch: Requester['fhir']['importBatch'] = async (batch) => {
    begun.push(batch.from.line);
    underWay += 1;
    try {
      await delay(50);
      if (refuse(batch)) throw new Error('refused');
      return await requester.fhir.importBatch(batch);
    } finally {
      underWay -= 1;
    }
  };
  const deps = { ...requester, ...changed, fhir: { ...requester.fhir, importBatch } };
  await new MockActivityEnvironment().run(importFiles(deps), { taskId, first: 0, last: 0 });
}

const received = async (): Promise<number> => (await requester.fhir.importCounts(taskId))[0]?.received ?? 0;

describe('batches that wait for the database while others are prepared', () => {
  it('have all ended when the step fails in between', async () => {
    const { read } = requester.blobs;
    const lost = async function* (...range: Parameters<typeof read>): AsyncGenerator<Uint8Array> {
      for await (const bytes of read(...range)) yield bytes.subarray(0, bytes.length / 2);
      throw new Error('lost');
    };
    await expect(importWith({ blobs: { ...requester.blobs, read: lost } })).rejects.toThrow('lost');
    expect(underWay).toBe(0);
    expect(await received()).toBe(begun.length * LINES_OF_A_BATCH);
  });

  it('do not reach it behind one that failed', async () => {
    const before = await received();
    await expect(importWith({}, ({ from }) => from.line > before)).rejects.toThrow('refused');
    expect(begun).toEqual([before, before + LINES_OF_A_BATCH]);
    expect(await received()).toBe(before + LINES_OF_A_BATCH);
  });

  it('go on at the checkpoint, one after the other, until all lines are there', async () => {
    const before = await received();
    await importWith({});
    expect(begun).toEqual([before, before + 1000, before + 2000].filter((line) => line < LINES));
    expect(await received()).toBe(LINES);
  });
});
