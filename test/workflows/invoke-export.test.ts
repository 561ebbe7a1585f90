import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { PROGRESS_QUERY } from '../../workflows/contract.ts';
import type { ExchangeLimits } from '../../workflows/contract.ts';
import { testTemporal } from '../support/environment.ts';
import { timersOf } from '../support/histories.ts';
import { createStage, failing, failure, until, untilCancelled } from '../support/scripted-activities.ts';
import type { Played, Script } from '../support/scripted-activities.ts';
import { startWorkflowHost } from '../support/workflow-host.ts';
import type { WorkflowHost } from '../support/workflow-host.ts';

const HOUR = 3_600_000;
const stage = createStage();
let host: WorkflowHost;

beforeAll(async () => {
  host = await startWorkflowHost(testTemporal(), stage.activities);
});
afterAll(() => host.stop());

interface Ended {
  readonly played: Played;
  readonly handle: WorkflowHandle;
  readonly result: unknown;
  /** What made the run fail. */
  readonly cause: Error | undefined;
}

/** Plays an exchange to its end. */
async function run(script: Script = {}, limits: Partial<ExchangeLimits> = {}, skipMatch = false): Promise<Ended> {
  const played = stage.play(script);
  return end(played, await host.invoke(played, limits, { skipMatch }));
}

async function end(played: Played, handle: WorkflowHandle): Promise<Ended> {
  try {
    return { played, handle, result: await handle.result(), cause: undefined };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { played, handle, result: undefined, cause: error.cause };
  }
}

/** Plays an exchange, cancels it once `name` was called, and follows it to its end. */
async function cancelAt(name: string, script: Script, limits: Partial<ExchangeLimits> = {}): Promise<Ended> {
  const played = stage.play(script);
  const handle = await host.invoke(played, limits);
  await until(() => played.calls.some((call) => call.name === name), `${name} is called`);
  await host.exchanges.cancel(played.id);
  return end(played, handle);
}

const typeOf = (error: Error | undefined): unknown => (error instanceof ApplicationFailure ? error.type : error);
/** The activities from the first undo on. */
const undone = ({ played }: Ended): string[] => {
  const steps = played.steps();
  return steps.slice(steps.findIndex((name) => ['removeImport', 'releaseExport', 'freeSlot'].includes(name)));
};
const lastRecord = ({ played }: Ended): string | undefined => played.records().at(-1);

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

  it('imports its files one after the other and in order', async () => {
    let open = 0;
    let most = 0;
    const { played } = await run({
      checkExport: async () => ({ state: 'complete', files: 5 }),
      importFiles: async () => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setImmediate(resolve));
        open--;
      },
    });
    const shares = played.calls.filter(({ name }) => name === 'importFiles').map(({ input }) => input);
    expect(shares).toEqual([0, 1, 2, 3, 4].map((file) => ({ taskId: played.id, first: file, last: file })));
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
    await end(meeting, await host.invoke(meeting, { parallelFiles: 2 }));
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
    expect(undone(ended)).toEqual(['freeSlot']);
    expect(lastRecord(ended)).toBe('cancelled queued cancelled');
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
    const ended = await run({ checkExport: inProgress(HOUR) }, { exportDeadlineMs: 2000 });
    expect(typeOf(ended.cause)).toBe('export-deadline');
    expect(ended.played.count('checkExport')).toBe(2);
    expect(undone(ended)).toEqual(['releaseExport', 'freeSlot']);
    expect(lastRecord(ended)).toBe('failed poll-export export-deadline');
  });

  it('takes an export that is complete at the deadline', async () => {
    const { result } = await run({ checkExport: completeAfter(1, HOUR) }, { exportDeadlineMs: 2000 });
    expect(result).toMatchObject({ status: 'completed' });
  });
});

describe('a failure', () => {
  it.each([
    ['authorize', 'token-refused', 'authorize', ['freeSlot']],
    ['matchMember', 'member-not-matched', 'match-member', ['freeSlot']],
    ['startExport', 'export-refused', 'start-export', ['releaseExport', 'freeSlot']],
    ['checkExport', 'export-failed', 'poll-export', ['releaseExport', 'freeSlot']],
    ['downloadFiles', 'host-not-allowed', 'download', ['removeImport', 'releaseExport', 'freeSlot']],
    ['importFiles', 'foreign-member', 'import', ['removeImport', 'releaseExport', 'freeSlot']],
    ['publishImport', 'import-failed', 'publish', ['removeImport', 'releaseExport', 'freeSlot']],
  ] as const)('for good of %s ends with %s at once and undoes what was begun', async (name, code, step, undo) => {
    const fail = async (): Promise<never> => {
      throw failure(code);
    };
    const ended = await run({ [name]: fail });
    expect(typeOf(ended.cause)).toBe(code);
    expect(ended.played.count(name)).toBe(1);
    expect(undone(ended)).toEqual(undo);
    expect(lastRecord(ended)).toBe(`failed ${step} ${code}`);
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
        () => undefined,
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
    expect(lastRecord(ended)).toBe('failed match-member peer-unreachable');
  });

  it('of another kind becomes the code internal, and its words stay out', async () => {
    const ended = await run({
      importFiles: async () => {
        throw new Error('Jane Doe, born 1974-12-25');
      },
    });
    expect(typeOf(ended.cause)).toBe('internal');
    expect(ended.cause?.message).toBe('An error inside this server.');
    expect(lastRecord(ended)).toBe('failed import internal');
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
    expect(lastRecord(ended)).toBe('failed download host-not-allowed');
    expect([othersAtUndo, undone(ended)]).toEqual([0, ['removeImport', 'releaseExport', 'freeSlot']]);
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
    expect(undone(ended)).toEqual(['removeImport', 'releaseExport', 'freeSlot']);
    expect(lastRecord(ended)).toBe('failed import foreign-member');
    expect(typeOf(ended.cause)).toBe('foreign-member');
  });

  it('of the release after publication is no failure of the exchange', async () => {
    const ended = await run({
      releaseExport: async () => {
        throw failure('peer-refused');
      },
    });
    expect(ended.result).toMatchObject({ status: 'completed' });
    expect(lastRecord(ended)).toBe('completed done');
  });
});

describe('a cancellation', () => {
  it('ends the wait between two polls', async () => {
    const ended = await cancelAt('checkExport', { checkExport: inProgress(HOUR) }, { exportDeadlineMs: HOUR });
    expect(ended.cause).toBeInstanceOf(CancelledFailure);
    expect(undone(ended)).toEqual(['releaseExport', 'freeSlot']);
    expect(lastRecord(ended)).toBe('cancelled poll-export cancelled');
  });

  it.each([
    ['downloadFiles', 'download'],
    ['importFiles', 'import'],
  ] as const)('reaches %s, and nothing of the import stays', async (name, step) => {
    const ended = await cancelAt(name, { [name]: untilCancelled });
    expect(ended.cause).toBeInstanceOf(CancelledFailure);
    expect(undone(ended)).toEqual(['removeImport', 'releaseExport', 'freeSlot']);
    expect(lastRecord(ended)).toBe(`cancelled ${step} cancelled`);
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
    const ended = await end(played, handle);
    expect(order).toEqual([name, undo]);
    expect(lastRecord(ended)).toMatch(/^cancelled /);
  });

  it('stays one where the activity that it stopped calls that a failure', async () => {
    const ended = await cancelAt('downloadFiles', {
      downloadFiles: () =>
        untilCancelled().catch(() => {
          throw failure('download-failed');
        }),
    });
    expect(ended.cause).toBeInstanceOf(CancelledFailure);
    expect(lastRecord(ended)).toBe('cancelled download cancelled');
  });

  it('that comes too late for the last file still keeps the records from being published', async () => {
    let cancelled = false;
    const played = stage.play({ importFiles: () => until(() => cancelled, 'the exchange is cancelled') });
    const handle = await host.invoke(played);
    await until(() => played.count('importFiles') === 1, 'the import begins');
    await host.exchanges.cancel(played.id);
    // The request is in the history before the file's end is.
    cancelled = true;
    const ended = await end(played, handle);
    expect(played.count('publishImport')).toBe(0);
    expect(lastRecord(ended)).toBe('cancelled import cancelled');
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
    const ended = await end(played, handle);
    expect(ended.result).toEqual({ status: 'completed', files: 1, resources: 7 });
    expect(lastRecord(ended)).toBe('completed done');
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
    const ended = await end(played, handle);
    expect(undone(ended)).toEqual(['removeImport', 'releaseExport', 'freeSlot']);
    expect(lastRecord(ended)).toBe('failed import foreign-member');
  });
});
