import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTemporalServer } from '../../embedded/temporal-server.ts';
import type { EmbeddedTemporal } from '../../embedded/temporal-server.ts';
import { exchangeWorkflowId, SEARCH_ATTRIBUTES, taskQueues } from '../../workflows/contract.ts';
import type { InvokeExportInput } from '../../workflows/contract.ts';
import { testEnvironment } from '../support/environment.ts';
import { valueOf } from '../support/histories.ts';
import type { History } from '../support/histories.ts';
import { createStage } from '../support/scripted-activities.ts';
import type { Script } from '../support/scripted-activities.ts';
import { startWorkflowHost } from '../support/workflow-host.ts';
import type { WorkflowHost } from '../support/workflow-host.ts';

const stage = createStage();
let folder: string;
let server: EmbeddedTemporal;
let host: WorkflowHost;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-continue-'));
  server = await startTemporalServer({
    program: testEnvironment().temporalCli,
    dataDir: folder,
    namespace: 'default',
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword'])),
    dynamicConfig: {
      'history.timerProcessorMaxTimeShift': '"1ms"',
      // Long histories, quickly.
      'limit.historyCount.suggestContinueAsNew': '50',
    },
  });
  const { address, namespace } = server;
  host = await startWorkflowHost({ address, namespace, prefix: 'c', queues: taskQueues('c') }, stage.activities);
});

afterAll(async () => {
  await host.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The inputs of a run and of all that went on from it. */
async function inputsOf(taskId: string, firstRunId: string): Promise<InvokeExportInput[]> {
  const inputs: InvokeExportInput[] = [];
  for (let runId: string | undefined = firstRunId; runId !== undefined;) {
    const history: History = await host.handle(exchangeWorkflowId(taskId), runId).fetchHistory();
    const payload = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    inputs.push((await valueOf(payload ?? {}, host.dataConverter)) as InvokeExportInput);
    const last = history.events?.at(-1);
    runId = last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
  return inputs;
}

async function firstRunOf(taskId: string): Promise<string> {
  const first = (await host.handle(exchangeWorkflowId(taskId)).describe()).raw.workflowExecutionInfo?.firstRunId;
  if (first === undefined || first === null) throw new Error('The server names no first run.');
  return first;
}

const completeAfter = (polls: number, retryAfterMs?: number): Script['checkExport'] => {
  let asked = 0;
  return async () => (asked++ < polls ? { state: 'in-progress', retryAfterMs } : { state: 'complete', files: 1 });
};

describe('an export that is polled for long', () => {
  it('goes on in new runs without asking for anything twice', async () => {
    const played = stage.play({ checkExport: completeAfter(20) });
    const handle = await host.invoke(played);
    expect(await handle.result()).toMatchObject({ status: 'completed' });
    expect((await inputsOf(played.id, await firstRunOf(played.id))).length).toBeGreaterThan(2);
    expect(played.count('checkExport')).toBe(21);
    for (const name of ['takeSlot', 'authorize', 'matchMember', 'startExport', 'freeSlot'] as const) {
      expect([name, played.count(name)]).toEqual([name, 1]);
    }
    expect(played.records().filter((record) => record === 'in-progress poll-export')).toHaveLength(1);
  });

  it('keeps the time of its kick-off and the number of its polls', async () => {
    const played = stage.play({ checkExport: completeAfter(20) });
    await (await host.invoke(played)).result();
    const [first, ...later] = (await inputsOf(played.id, await firstRunOf(played.id))).map(({ resume }) => resume);
    const kickedOffAt = later[0]?.kickedOffAt ?? 0;
    const kickOff = played.calls.find(({ name }) => name === 'startExport')?.at ?? 0;
    const firstPoll = played.calls.find(({ name }) => name === 'checkExport')?.at ?? 0;
    expect(first).toBeUndefined();
    expect(kickedOffAt).toBeGreaterThanOrEqual(kickOff);
    expect(kickedOffAt).toBeLessThanOrEqual(firstPoll);
    expect(new Set(later.map((resume) => resume?.kickedOffAt))).toEqual(new Set([kickedOffAt]));
    const polls = later.map((resume) => resume?.polls ?? 0);
    expect(polls).toEqual([...new Set(polls)].sort((a, b) => a - b));
  });

  it('waits as long as the payer asks between two runs too', async () => {
    const played = stage.play({ checkExport: completeAfter(10, 150) });
    await (await host.invoke(played)).result();
    const times = played.calls.filter(({ name }) => name === 'checkExport').map(({ at }) => at);
    expect((await inputsOf(played.id, await firstRunOf(played.id))).length).toBeGreaterThan(1);
    expect(Math.min(...times.slice(1).map((at, index) => at - (times[index] ?? 0)))).toBeGreaterThanOrEqual(145);
  });

  it('has one deadline for all its runs, and the last one undoes what the first began', async () => {
    const played = stage.play({ checkExport: async () => ({ state: 'in-progress' }) });
    const handle = await host.invoke(played, { exportDeadlineMs: 5000, pollCeilingMs: 20 });
    await expect(handle.result()).rejects.toThrow('Workflow execution failed');
    expect((await inputsOf(played.id, await firstRunOf(played.id))).length).toBeGreaterThan(1);
    expect(played.steps().slice(-2)).toEqual(['releaseExport', 'freeSlot']);
    expect(played.records().at(-1)).toBe('failed poll-export export-deadline');
  });
});

describe('an exchange that waits for its slot for long', () => {
  it('goes on in new runs and begins when its turn comes', async () => {
    let tries = 0;
    const played = stage.play({ takeSlot: async () => ++tries > 20 });
    const handle = await host.invoke(played);
    expect(await handle.result()).toMatchObject({ status: 'completed' });
    expect((await inputsOf(played.id, await firstRunOf(played.id))).length).toBeGreaterThan(1);
    expect([played.count('authorize'), played.count('freeSlot')]).toEqual([1, 1]);
  });
});
