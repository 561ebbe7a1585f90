import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { PROGRESS_QUERY } from '../../workflows/contract.ts';
import type { ExchangeLimits } from '../../workflows/contract.ts';
import { testTemporal } from '../support/environment.ts';
import { timersOf } from '../support/histories.ts';
import { createStage, until } from '../support/scripted-activities.ts';
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

const run = (script: Script = {}, limits: Partial<ExchangeLimits> = {}, skipMatch = false): Promise<EndedExchange> =>
  playExchange(host, stage, script, limits, skipMatch);
const cancelAt = (name: string, script: Script, limits: Partial<ExchangeLimits> = {}): Promise<EndedExchange> =>
  cancelExchangeAt(name, host, stage, script, limits);
const typeOf = (error: Error | undefined): unknown => (error instanceof ApplicationFailure ? error.type : error);

const inProgress = (retryAfterMs?: number): Script['checkExport'] => {
  return async () => ({ state: 'in-progress', retryAfterMs });
};
const completeAfter = (polls: number, retryAfterMs?: number): Script['checkExport'] => {
  let asked = 0;
  return async () => (asked++ < polls ? { state: 'in-progress', retryAfterMs } : { state: 'complete', files: 1 });
};

describe('an exchange', () => {
  it('runs its steps in order and answers what it brought', async () => {
    const { played, result } = await run();
    expect(played.steps()).toEqual(
      ['takeSlot', 'authorize', 'matchMember', 'startExport', 'checkExport', 'downloadFiles', 'importFiles'].concat([
        'fetchReferenced',
        'publishImport',
        'releaseExport',
        'freeSlot',
      ]),
    );
    expect(result).toEqual({ status: 'completed', files: 1, resources: 1 });
  });

  it('writes every step to the Task before it begins', async () => {
    const { played } = await run();
    expect(played.records()).toEqual([
      'accepted queued',
      'in-progress authorize',
      'in-progress match-member',
      'in-progress start-export',
      'in-progress poll-export',
      'in-progress download',
      'in-progress import',
      'in-progress publish',
      'completed done',
    ]);
    const names = played.calls.map(({ name }) => name);
    expect(names.slice(names.indexOf('authorize') - 1, names.indexOf('authorize') + 3)).toEqual([
      'recordStep',
      'authorize',
      'recordStep',
      'matchMember',
    ]);
  });

  it('whose request names the member runs no match', async () => {
    const { played, result } = await run({}, {}, true);
    expect(played.count('matchMember')).toBe(0);
    expect(played.records()).not.toContain('in-progress match-member');
    expect(result).toMatchObject({ status: 'completed' });
  });

  it('without files completes', async () => {
    const { played, result } = await run({ checkExport: async () => ({ state: 'complete', files: 0 }) });
    expect([played.count('downloadFiles'), played.count('importFiles')]).toEqual([0, 0]);
    expect(result).toMatchObject({ status: 'completed', files: 0 });
  });

  it('imports its files some in a step, one step after the other and in order', async () => {
    let open = 0;
    let most = 0;
    const { played } = await run({
      checkExport: async () => ({ state: 'complete', files: 70 }),
      importFiles: async () => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setImmediate(resolve));
        open--;
      },
    });
    const shares = played.calls.filter(({ name }) => name === 'importFiles').map(({ input }) => input);
    expect(shares).toEqual(
      [
        [0, 31],
        [32, 63],
        [64, 69],
      ].map(([first, last]) => ({ taskId: played.id, first, last })),
    );
    expect(most).toBe(1);
  });

  it('downloads no more files at once than its limit says', async () => {
    let open = 0;
    let most = 0;
    const meeting = stage.play({
      checkExport: async () => ({ state: 'complete', files: 6 }),
      downloadFiles: async () => {
        most = Math.max(most, ++open);
        // The first two meet, so that they are known to run side by side.
        await until(() => most > 1, 'two downloads run side by side');
        open--;
      },
    });
    await endOfExchange(meeting, await host.invoke(meeting, { parallelFiles: 2 }));
    expect([most, meeting.count('downloadFiles')]).toEqual([2, 6]);
  });

  it('tells an operator its step', async () => {
    const played = stage.play({ checkExport: inProgress(HOUR) });
    const handle = await host.invoke(played, { exportDeadlineMs: HOUR });
    await until(() => played.count('checkExport') === 1, 'the first poll');
    expect(await handle.query(PROGRESS_QUERY)).toBe('poll-export');
    await handle.terminate();
  });
});

describe('the slot of a payer', () => {
  it('is waited for before anything is asked of the payer', async () => {
    let tries = 0;
    const { played, handle } = await run({ takeSlot: async () => ++tries === 3 }, { slotRetryMs: 30 });
    expect(played.steps().slice(0, 4)).toEqual(['takeSlot', 'takeSlot', 'takeSlot', 'authorize']);
    expect(timersOf(await handle.fetchHistory())).toEqual([30, 30]);
  });

  it('is given back by an exchange that is cancelled while it waits', async () => {
    const ended = await cancelAt('takeSlot', { takeSlot: async () => false }, { slotRetryMs: HOUR });
    expect(undoneBy(ended)).toEqual(['freeSlot']);
    expect(lastRecordOf(ended)).toBe('cancelled queued cancelled');
  });
});

describe('polling', () => {
  it('waits as long as the payer asks, even beyond its own ceiling', async () => {
    const { handle } = await run({ checkExport: completeAfter(2, 300) });
    expect(timersOf(await handle.fetchHistory())).toEqual([300, 300]);
  });

  it('never asks sooner than its floor', async () => {
    const { handle } = await run({ checkExport: completeAfter(1, 0) });
    expect(timersOf(await handle.fetchHistory())).toEqual([20]);
  });

  it('without Retry-After waits longer each time, up to the ceiling', async () => {
    const { handle } = await run({ checkExport: completeAfter(5) });
    const waits = timersOf(await handle.fetchHistory());
    const longest = [20, 40, 80, 100, 100];
    expect(waits).toHaveLength(5);
    waits.forEach((wait, index) => {
      const most = longest[index] ?? 0;
      expect(wait).toBeGreaterThanOrEqual(Math.floor(most * 0.75));
      expect(wait).toBeLessThanOrEqual(most);
    });
  });

  it('asks at once when it is told to', async () => {
    const played = stage.play({ checkExport: completeAfter(1, HOUR) });
    const handle = await host.invoke(played, { exportDeadlineMs: HOUR });
    await until(() => played.count('checkExport') === 1, 'the first poll');
    expect(await host.exchanges.pollNow(played.id)).toBe(true);
    expect(await handle.result()).toMatchObject({ status: 'completed' });
    expect(played.count('checkExport')).toBe(2);
  });

  it('ends at the deadline with a last look, and gives the export back', async () => {
    const ended = await run({ checkExport: inProgress() }, { exportDeadlineMs: 5000 });
    expect(typeOf(ended.cause)).toBe('export-deadline');
    expect(ended.played.count('checkExport')).toBeGreaterThanOrEqual(3);
    expect(undoneBy(ended)).toEqual(['releaseExport', 'freeSlot']);
    expect(lastRecordOf(ended)).toBe('failed poll-export export-deadline');
  });

  it('asks as if no wait had been named where that would end behind the deadline', async () => {
    const { played, result } = await run({ checkExport: completeAfter(3, HOUR) }, { exportDeadlineMs: 20_000 });
    expect(result).toMatchObject({ status: 'completed' });
    expect(played.count('checkExport')).toBe(4);
  });

  it('takes an export that is complete at the deadline', async () => {
    const { result } = await run({ checkExport: completeAfter(2, 6000) }, { exportDeadlineMs: 10_000 });
    expect(result).toMatchObject({ status: 'completed' });
  });
});
