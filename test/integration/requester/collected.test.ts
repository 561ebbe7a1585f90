import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collectRecords } from '../../../activities/requester/collect-records.ts';
import type { RequesterDeps } from '../../../activities/requester/deps.ts';
import { startExport } from '../../../activities/requester/start-export.ts';
import { transferBlob } from '../../../store/exchange-files.ts';
import { payerDefinition, startRequester } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

let responder: Responder;
let requester: Requester;
let exchanges = 0;

beforeAll(async () => {
  responder = await startResponder({
    members: [SAMPLE_MEMBER],
    behaviour: {
      everything: { enabled: true, pageSize: 4 },
      kickOff: { typeLevel: false, requireMatch: false },
    },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl, { exportForm: 'everything' });
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([server]);
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

async function begun(): Promise<string> {
  const { taskId } = await requester.exchanges.open({
    ...{ payerPid: 1, organizationId: 'o', localPatientId: `local-${++exchanges}`, warnings: [] },
    request: { exportEntries: [], member: { id: 'p1' } },
  });
  await requester.exchanges.change(taskId, { memberPatientId: 'p1' });
  await run(startExport(requester), taskId);
  return taskId;
}

const run = async (activity: (taskId: string) => Promise<unknown>, taskId: string): Promise<unknown> =>
  new MockActivityEnvironment().run(activity, taskId);

async function bytesOf(taskId: string): Promise<string[]> {
  const texts: string[] = [];
  for (const { number, type } of await requester.files.list(taskId)) {
    const parts: Uint8Array[] = [];
    for await (const part of requester.blobs.read(transferBlob(taskId, number))) parts.push(part);
    texts.push(`${type ?? ''} ${Buffer.concat(parts).toString('utf8')}`);
  }
  return texts;
}

/** The n-th save of the position is lost, as by a process that dies behind the lines of a page. */
function losing(n: number): RequesterDeps {
  let saves = 0;
  return {
    ...requester,
    exchanges: {
      ...requester.exchanges,
      async change(id, changes) {
        if (changes.collection !== undefined && ++saves === n) throw new Error('lost');
        await requester.exchanges.change(id, changes);
      },
    },
  };
}

describe('a synchronous export that is interrupted', () => {
  it.each([1, 2, 4, 6])('after the lines of page %i + 1 are written is gone on with, no line twice', async (n) => {
    const whole = await begun();
    await run(collectRecords(requester), whole);
    const interrupted = await begun();
    await expect(run(collectRecords(losing(n)), interrupted)).rejects.toThrow('lost');
    await run(collectRecords(requester), interrupted);
    expect(await bytesOf(interrupted)).toEqual(await bytesOf(whole));
  });

  it('asks for the pages that it has no second time', async () => {
    const taskId = await begun();
    await expect(run(collectRecords(losing(4)), taskId)).rejects.toThrow('lost');
    responder.requests.length = 0;
    await run(collectRecords(requester), taskId);
    expect(responder.requests.some(({ path }) => path.includes('$everything'))).toBe(false);
  });

  it('is not begun anew by a second kick-off', async () => {
    const taskId = await begun();
    responder.requests.length = 0;
    expect(await run(startExport(requester), taskId)).toEqual({ synchronous: true });
    expect(responder.requests).toHaveLength(0);
  });
});
