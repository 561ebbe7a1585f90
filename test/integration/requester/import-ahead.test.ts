import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { importFiles } from '../../../activities/requester/import-files.ts';
import type { RequesterDeps } from '../../../activities/requester/deps.ts';
import { ERRORS, ExchangeError } from '../../../fhir/errors.ts';
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
const goals = Array.from(
  { length: LINES },
  (_, index) => `{"resourceType":"Goal","id":"g${index}","subject":{"reference":"Patient/p1"}}\n`,
);
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
    { list: 'output', type: 'CarePlan', url: 'https://peer.example/c', announcedCount: 1 },
  ]);
  await deliver(0, goals);
  await deliver(1, ['{"resourceType":"CarePlan","id":"c","subject":{"reference":"Patient/p1"}}\n']);
});

async function deliver(number: number, lines: readonly string[]): Promise<void> {
  const bytes = Buffer.from(lines.join(''));
  await requester.blobs.append(transferBlob(taskId, number), 0, bytes);
  const kept = { keptBlob: transferBlob(taskId, number), keptBytes: bytes.length };
  await requester.files.change(taskId, number, { downloaded: true, lines: lines.length, ...kept });
}

afterAll(() => requester.stop());

/** Imports anew; each batch takes a while in the store, so that others are prepared behind it. */
async function importWith(
  changed: Partial<RequesterDeps>,
  refuse = (_batch: ImportBatch): boolean => false,
  file = 0,
): Promise<void> {
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
  await new MockActivityEnvironment().run(importFiles(deps), { taskId, first: file, last: file });
}

const received = async (): Promise<number> =>
  (await requester.fhir.importCounts(taskId)).find(({ type }) => type === 'Goal')?.received ?? 0;

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

  it('go on where the file stands, when the database has lost one in between', async () => {
    const { importBatch } = requester.fhir;
    const before = await received();
    const losing: Requester['fhir']['importBatch'] = (batch) =>
      batch.from.line === before + LINES_OF_A_BATCH
        ? Promise.resolve({ new: 0, updated: 0, unchanged: 0 })
        : importBatch(batch);
    const deps = { ...requester, fhir: { ...requester.fhir, importBatch: losing } };
    const failed = new MockActivityEnvironment().run(importFiles(deps), { taskId, first: 0, last: 0 });
    const error = await failed.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unavailable' });
    expect(ERRORS.unavailable.retry).not.toBe('never');
    expect(await received()).toBe(before + LINES_OF_A_BATCH);
  });

  it('are not taken for imported where the database has lost the last one', async () => {
    const { importBatch } = requester.fhir;
    const losing: Requester['fhir']['importBatch'] = (batch) =>
      batch.checkpoint.line === LINES ? Promise.resolve({ new: 0, updated: 0, unchanged: 0 }) : importBatch(batch);
    const deps = { ...requester, fhir: { ...requester.fhir, importBatch: losing } };
    const share = { taskId, first: 0, last: 0 };
    await expect(new MockActivityEnvironment().run(importFiles(deps), share)).rejects.toThrow(ExchangeError);
    expect([await received(), (await requester.files.get(taskId, 0)).imported]).toEqual([5000, false]);
  });

  it('go on at the checkpoint with what is left, in the last share at the latest', async () => {
    await importWith({}, () => false, 1);
    expect(begun).toEqual([5000, 0]);
    expect(await received()).toBe(LINES);
    expect((await requester.files.list(taskId)).map(({ imported }) => imported)).toEqual([true, true]);
  });
});
