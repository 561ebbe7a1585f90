import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ExchangeLimits } from '../../workflows/contract.ts';
import { testTemporal } from '../support/environment.ts';
import { createStage, failing, failure, until, untilCancelled } from '../support/scripted-activities.ts';
import { cancelExchangeAt, endOfExchange, lastRecordOf, playExchange, undoneBy } from '../support/scripted-exchange.ts';
import type { EndedExchange } from '../support/scripted-exchange.ts';
import type { Script } from '../support/scripted-activities.ts';
import { startWorkflowHost } from '../support/workflow-host.ts';
import type { WorkflowHost } from '../support/workflow-host.ts';

const HOUR = 3_600_000;
const stage = createStage();
let host: WorkflowHost;

beforeAll(async () => {
  host = await startWorkflowHost(testTemporal(), stage.activities);
});
afterAll(() => host.stop());

const run = (script: Script = {}, limits: Partial<ExchangeLimits> = {}): Promise<EndedExchange> =>
  playExchange(host, stage, script, limits);
const cancelAt = (name: string, script: Script, limits: Partial<ExchangeLimits> = {}): Promise<EndedExchange> =>
  cancelExchangeAt(name, host, stage, script, limits);
const typeOf = (error: Error | undefined): unknown => (error instanceof ApplicationFailure ? error.type : error);

describe('a failure', () => {
  it.each([
    ['authorize', 'token-refused', 'authorize', ['freeSlot']],
    ['matchMember', 'member-not-matched', 'match-member', ['freeSlot']],
    ['startExport', 'export-refused', 'start-export', ['releaseExport', 'freeSlot']],
    ['checkExport', 'export-failed', 'poll-export', ['releaseExport', 'freeSlot']],
    ['downloadFiles', 'host-not-allowed', 'download', ['removeImport', 'releaseExport', 'freeSlot']],
    ['importFiles', 'foreign-member', 'import', ['removeImport', 'releaseExport', 'freeSlot']],
    ['publishImport', 'patient-unknown', 'publish', ['removeImport', 'releaseExport', 'freeSlot']],
  ] as const)('for good of %s ends with %s at once and undoes what was begun', async (name, code, step, undo) => {
    const fail = async (): Promise<never> => {
      throw failure(code);
    };
    const ended = await run({ [name]: fail });
    expect(typeOf(ended.cause)).toBe(code);
    expect(ended.played.count(name)).toBe(1);
    expect(undoneBy(ended)).toEqual(undo);
    expect(lastRecordOf(ended)).toBe(`failed ${step} ${code}`);
  });

  it('for a passing reason is tried again', async () => {
    const { played, result } = await run({
      matchMember: failing(
        2,
        () => failure('peer-unreachable'),
        () => undefined,
      ),
    });
    expect(played.count('matchMember')).toBe(3);
    expect(result).toMatchObject({ status: 'completed' });
  });

  it('that says when to come again is tried again no sooner', async () => {
    const { played } = await run({
      startExport: failing(
        1,
        () => failure('peer-busy', 400),
        () => ({ synchronous: false }),
      ),
    });
    const [first, second] = played.calls.filter(({ name }) => name === 'startExport');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(395);
  });

  it('that does not pass ends the exchange after the configured tries', async () => {
    const ended = await run({
      matchMember: async () => {
        throw failure('peer-unreachable');
      },
    });
    expect(ended.played.count('matchMember')).toBe(4);
    expect(lastRecordOf(ended)).toBe('failed match-member peer-unreachable');
  });

  it('of another kind becomes the code internal, and its words stay out', async () => {
    const ended = await run({
      importFiles: async () => {
        throw new Error('Jane Doe, born 1974-12-25');
      },
    });
    expect(typeOf(ended.cause)).toBe('internal');
    expect(ended.cause?.message).toBe('An error inside this server.');
    expect(lastRecordOf(ended)).toBe('failed import internal');
  });

  it('of one file begins no other file, and waits for those under way before it undoes', async () => {
    let others = 0;
    let othersAtUndo = 0;
    const ended = await run({
      checkExport: async () => ({ state: 'complete', files: 9 }),
      downloadFiles: async ({ first }) => {
        if (first === 0) {
          await until(() => others === 2, 'two other files are on their way');
          throw failure('host-not-allowed');
        }
        others++;
        await untilCancelled().finally(() => others--);
      },
      removeImport: async () => {
        othersAtUndo = others;
      },
    });
    expect(ended.played.count('downloadFiles')).toBe(3);
    expect(lastRecordOf(ended)).toBe('failed download host-not-allowed');
    expect([othersAtUndo, undoneBy(ended)]).toEqual([0, ['removeImport', 'releaseExport', 'freeSlot']]);
  });

  it('of an undo step stops neither the others nor the Task', async () => {
    const refuse = async (): Promise<never> => {
      throw failure('conflict');
    };
    const ended = await run({
      importFiles: async () => {
        throw failure('foreign-member');
      },
      ...{ removeImport: refuse, releaseExport: refuse, freeSlot: refuse },
    });
    expect(undoneBy(ended)).toEqual(['removeImport', 'releaseExport', 'freeSlot']);
    expect(lastRecordOf(ended)).toBe('failed import foreign-member');
    expect(typeOf(ended.cause)).toBe('foreign-member');
  });

  it('of the release after publication is no failure of the exchange', async () => {
    const ended = await run({
      releaseExport: async () => {
        throw failure('peer-refused');
      },
    });
    expect(ended.result).toMatchObject({ status: 'completed' });
    expect(lastRecordOf(ended)).toBe('completed done');
  });
});

describe('a cancellation', () => {
  it('ends the wait between two polls', async () => {
    const ended = await cancelAt(
      'checkExport',
      { checkExport: async () => ({ state: 'in-progress', retryAfterMs: HOUR }) },
      { exportDeadlineMs: HOUR },
    );
    expect(ended.cause).toBeInstanceOf(CancelledFailure);
    expect(undoneBy(ended)).toEqual(['releaseExport', 'freeSlot']);
    expect(lastRecordOf(ended)).toBe('cancelled poll-export cancelled');
  });

  it.each([
    ['downloadFiles', 'download'],
    ['importFiles', 'import'],
  ] as const)('reaches %s, and nothing of the import stays', async (name, step) => {
    const ended = await cancelAt(name, { [name]: untilCancelled });
    expect(ended.cause).toBeInstanceOf(CancelledFailure);
    expect(undoneBy(ended)).toEqual(['removeImport', 'releaseExport', 'freeSlot']);
    expect(lastRecordOf(ended)).toBe(`cancelled ${step} cancelled`);
  });

  it.each([
    ['takeSlot', 'freeSlot'],
    ['startExport', 'releaseExport'],
    ['importFiles', 'removeImport'],
  ] as const)('lets %s end before %s takes back what it did', async (name, undo) => {
    let cancelled = false;
    const order: string[] = [];
    const played = stage.play({
      [name]: async () => {
        await until(() => cancelled, 'the exchange is cancelled');
        // A workflow that did not wait would be there by now.
        await delay(300);
        order.push(name);
        return true;
      },
      [undo]: async () => void order.push(undo),
    });
    const handle = await host.invoke(played);
    await until(() => played.count(name) === 1, `${name} begins`);
    await host.exchanges.cancel(played.id);
    cancelled = true;
    const ended = await endOfExchange(played, handle);
    expect(order).toEqual([name, undo]);
    expect(lastRecordOf(ended)).toMatch(/^cancelled /);
  });

  it('stays one where the activity that it stopped calls that a failure', async () => {
    const ended = await cancelAt('downloadFiles', {
      downloadFiles: () =>
        untilCancelled().catch(() => {
          throw failure('download-failed');
        }),
    });
    expect(ended.cause).toBeInstanceOf(CancelledFailure);
    expect(lastRecordOf(ended)).toBe('cancelled download cancelled');
  });

  it('that comes too late for the last file still keeps the records from being published', async () => {
    let cancelled = false;
    const played = stage.play({ importFiles: () => until(() => cancelled, 'the exchange is cancelled') });
    const handle = await host.invoke(played);
    await until(() => played.count('importFiles') === 1, 'the import begins');
    await host.exchanges.cancel(played.id);
    // The request is in the history before the file's end is.
    cancelled = true;
    const ended = await endOfExchange(played, handle);
    expect(played.count('publishImport')).toBe(0);
    expect(lastRecordOf(ended)).toBe('cancelled import cancelled');
  });

  it('during the publication lets the exchange complete', async () => {
    let cancelled = false;
    const played = stage.play({
      async publishImport() {
        await until(() => cancelled, 'the exchange is cancelled');
        return { resources: 7 };
      },
    });
    const handle = await host.invoke(played);
    await until(() => played.count('publishImport') === 1, 'the publication begins');
    await host.exchanges.cancel(played.id);
    cancelled = true;
    const ended = await endOfExchange(played, handle);
    expect(ended.result).toEqual({ status: 'completed', files: 1, resources: 7 });
    expect(lastRecordOf(ended)).toBe('completed done');
    expect(played.count('removeImport')).toBe(0);
  });

  it('during the undo of a failure changes nothing about it', async () => {
    let cancelled = false;
    const played = stage.play({
      importFiles: async () => {
        throw failure('foreign-member');
      },
      removeImport: () => until(() => cancelled, 'the exchange is cancelled'),
    });
    const handle = await host.invoke(played);
    await until(() => played.count('removeImport') === 1, 'the undo begins');
    await host.exchanges.cancel(played.id);
    cancelled = true;
    const ended = await endOfExchange(played, handle);
    expect(undoneBy(ended)).toEqual(['removeImport', 'releaseExport', 'freeSlot']);
    expect(lastRecordOf(ended)).toBe('failed import foreign-member');
  });
});
