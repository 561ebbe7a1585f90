import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createHousekeepingActivities } from '../../../activities/housekeeping.ts';
import { createExchanges } from '../../../temporal/exchanges.ts';
import { createExportRuns } from '../../../temporal/export-jobs.ts';
import { exchangeWorkflowId } from '../../../workflows/contract.ts';
import { eventually } from '../../support/eventually.ts';
import { keptTokens, LOCAL_PATIENT, startPortal } from './portal.ts';
import type { BatchJob, Portal } from './portal.ts';

let portal: Portal;

beforeAll(async () => {
  portal = await startPortal();
});

afterAll(() => portal.stop());

function sweep(): Promise<void> {
  const { requester, jobs, matches, temporal, queues } = portal.payer.wiring;
  const exchanges = createExchanges(temporal.client, queues);
  const { sweepTasks } = createHousekeepingActivities({
    ...{ ...requester, jobs, matches, expirySeconds: 60, exportRuns: createExportRuns(temporal.client, queues) },
    // A little ahead: the database rounds its clock.
    settledAfterMs: -1000,
    runs: {
      state: (taskId) => exchanges.state(taskId),
      restart: () => Promise.reject(new Error('a run that was terminated is not started again')),
    },
  });
  return new MockActivityEnvironment().run(sweepTasks);
}

it("an export whose run was terminated is given back with the portal's token before its Task ends, and the token goes", async () => {
  const path = await portal.define({});
  const { oidcToken } = await portal.tokens(path);
  portal.responder.set({ status: { pollsBeforeDone: 100_000 } });
  const answer = await portal.ask('POST', `${path}/batch_job`, {
    sourcePayer: { oidcToken, patientId: 'p1' },
    targetPayer: { patientId: LOCAL_PATIENT },
  });
  const { taskId } = answer.json<BatchJob>();
  const { exchanges, tasks } = portal.payer.wiring.requester;
  const statusUrl = await eventually(async () => (await exchanges.load(taskId)).statusUrl, 'a kick-off');
  await portal.payer.wiring.temporal.client.workflow.getHandle(exchangeWorkflowId(taskId)).terminate();
  portal.responder.set({ latencyMs: 500 });
  const swept = sweep();
  await eventually(async () => ((await tasks.read(taskId)).status === 'failed' ? true : undefined), 'the end');
  const deletions = portal.responder.requests.filter(({ method }) => method === 'DELETE');
  const seen = deletions.map(({ path: at, headers, status }) => [at, headers['authorization'], status]);
  const { pathname, search } = new URL(statusUrl);
  expect(seen).toEqual([[pathname + search, `Bearer ${oidcToken}`, 202]]);
  await swept;
  expect(await keptTokens(portal)).toBe(0);
});
