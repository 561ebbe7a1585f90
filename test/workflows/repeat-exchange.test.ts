import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Occurrence, OpenedRepetition } from '../../activities/requester/open-repetition.ts';
import { exchangeWorkflowId, repetitionScheduleId, WORKFLOWS } from '../../workflows/contract.ts';
import { testTemporal } from '../support/environment.ts';
import { createStage, failing, failure, until } from '../support/scripted-activities.ts';
import { QUICK_LIMITS, startWorkflowHost } from '../support/workflow-host.ts';
import type { WorkflowHost } from '../support/workflow-host.ts';

const stage = createStage();
let host: WorkflowHost;
let open: (occurrence: Occurrence) => Promise<OpenedRepetition>;

beforeAll(async () => {
  host = await startWorkflowHost(testTemporal(), {
    ...stage.activities,
    openRepetition: (occurrence: Occurrence) => open(occurrence),
  });
});
beforeEach(() => {
  open = async () => ({ outcome: 'ended' });
});
afterAll(() => host.stop());

const opens = (taskId: string) => async (): Promise<OpenedRepetition> => ({
  outcome: 'opened',
  input: { taskId, payerPid: 1, skipMatch: false, limits: QUICK_LIMITS },
});

async function repeat(): Promise<unknown> {
  const firstTaskId = randomUUID();
  const input = { taskId: firstTaskId };
  return (await host.start(WORKFLOWS.repeatExchange, repetitionScheduleId(firstTaskId), input)).result();
}

describe('a repetition', () => {
  it('starts the run of the exchange that it opened, under that exchange’s own id', async () => {
    const played = stage.play();
    open = opens(played.id);
    expect(await repeat()).toEqual({ outcome: 'opened', taskId: played.id });
    expect(await host.handle(exchangeWorkflowId(played.id)).result()).toMatchObject({ status: 'completed' });
    expect(played.records().at(-1)).toBe('completed done');
  });

  it('is over before the exchange is, which goes on alone', async () => {
    let isReleased = false;
    const played = stage.play({
      takeSlot: async () => isReleased,
    });
    open = opens(played.id);
    expect(await repeat()).toMatchObject({ outcome: 'opened' });
    isReleased = true;
    expect(await host.handle(exchangeWorkflowId(played.id)).result()).toMatchObject({ status: 'completed' });
  });

  it('takes a run that the sweep has started for its own', async () => {
    const played = stage.play();
    open = async () => {
      await host.invoke(played);
      return opens(played.id)();
    };
    expect(await repeat()).toEqual({ outcome: 'opened', taskId: played.id });
    await host.handle(exchangeWorkflowId(played.id)).result();
    expect(played.count('publishImport')).toBe(1);
  });

  it('names the same occurrence at each try, and another one at the next time', async () => {
    const occurrences: string[] = [];
    const answer = failing(
      2,
      () => failure('internal'),
      (): OpenedRepetition => ({ outcome: 'running' }),
    );
    open = ({ occurrence }) => {
      occurrences.push(occurrence);
      return answer();
    };
    await repeat();
    await repeat();
    expect([occurrences.length, new Set(occurrences.slice(0, 3)).size, new Set(occurrences).size]).toEqual([4, 1, 2]);
  });

  it.each(['running', 'ended'] as const)('starts nothing where the answer is %s', async (outcome) => {
    const played = stage.play();
    open = async () => ({ outcome });
    expect(await repeat()).toEqual({ outcome });
    expect(played.calls).toHaveLength(0);
  });

  it('shows the run with its payer to those who look for it', async () => {
    const played = stage.play();
    open = opens(played.id);
    await repeat();
    const { typedSearchAttributes } = await host.handle(exchangeWorkflowId(played.id)).describe();
    await until(() => played.records().at(-1) === 'completed done', 'the exchange ends');
    expect(typedSearchAttributes.getAll().find(({ key }) => key.name === 'CarryoverPayer')?.value).toBe('1');
  });
});
