import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createHousekeepingActivities } from '../../../activities/housekeeping.ts';
import type { HousekeepingActivities } from '../../../activities/housekeeping.ts';
import { createSeal } from '../../../seal.ts';
import { createExportJobStore } from '../../../store/export-jobs.ts';
import type { ExportJobStore } from '../../../store/export-jobs.ts';
import { createMatchStore } from '../../../store/matches.ts';
import { createExportRuns } from '../../../temporal/export-jobs.ts';
import type { ExportRuns } from '../../../temporal/export-jobs.ts';
import { exchangeWorkflowId, exportWorkflowId } from '../../../workflows/contract.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';
import { startExchange } from '../../support/requester/exchange.ts';
import {
  endOf,
  LOCAL_PATIENT,
  payerDefinition,
  RESPONDING_ORGANIZATION,
  startRequester,
  TEST_LIMITS,
} from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

let responder: Responder;
let requester: Requester;
let housekeeping: HousekeepingActivities;
let jobs: ExportJobStore;
let exportRuns: ExportRuns;

const sweep = (): Promise<void> => new MockActivityEnvironment().run(housekeeping.sweepTasks);

beforeAll(async () => {
  responder = await startResponder({ members: [SAMPLE_MEMBER] });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([server]);
  const seal = createSeal([{ id: 'k1', key: randomBytes(32) }]);
  jobs = createExportJobStore(requester.prisma, seal);
  exportRuns = createExportRuns(requester.client, requester.temporal.queues);
  housekeeping = createHousekeepingActivities({
    ...requester,
    // A little ahead: the database rounds its clock.
    settledAfterMs: -1000,
    expirySeconds: 60,
    jobs,
    matches: createMatchStore(requester.prisma, seal),
    exportRuns,
    runs: {
      state: (taskId) => requester.runs.state(taskId),
      restart: (taskId) => requester.runs.start({ taskId, payerPid: 1, limits: TEST_LIMITS, skipMatch: false }),
    },
  });
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

beforeEach(() => responder.set({ status: { pollsBeforeDone: 1, retryAfter: null } }));

async function polling(): Promise<void> {
  while (!responder.requests.some(({ path, method }) => path.includes('job') && method === 'GET')) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('the sweep', () => {
  it('starts the run of an exchange that was written and never started', async () => {
    const { taskId } = await requester.exchanges.open({
      ...{ payerPid: 1, organizationId: RESPONDING_ORGANIZATION, localPatientId: LOCAL_PATIENT, warnings: [] },
      request: { matchParameters: JSON.stringify(matchParameters()), exportEntries: [] },
    });
    await sweep();
    expect((await endOf(requester, taskId)).status).toBe('completed');
  });

  it('makes the Task of a terminated run say so, and frees the place of the payer', async () => {
    responder.requests.length = 0;
    responder.set({ status: { pollsBeforeDone: 100_000 } });
    const taskId = await startExchange(requester);
    await polling();
    await requester.client.workflow.getHandle(exchangeWorkflowId(taskId)).terminate();
    await sweep();
    const task = await requester.tasks.read(taskId);
    expect([task.status, task.reason, task.businessStatus]).toEqual(['failed', 'terminated', 'poll-export']);
    const { rows } = await requester.pool.query('SELECT 1 FROM slot');
    expect(rows).toHaveLength(0);
  });

  it('leaves a run alone that runs', async () => {
    responder.requests.length = 0;
    responder.set({ status: { pollsBeforeDone: 3 } });
    const taskId = await startExchange(requester);
    await polling();
    await sweep();
    expect((await endOf(requester, taskId)).status).toBe('completed');
  });

  it('lets the same request be posted anew after a termination', async () => {
    const taskId = await startExchange(requester);
    expect((await endOf(requester, taskId)).status).toBe('completed');
  });
});

describe('a publication', () => {
  it('is known to the exchange from the same transaction on, so that no crash can have it undone', async () => {
    const { taskId } = await requester.exchanges.open({
      ...{ payerPid: 1, organizationId: RESPONDING_ORGANIZATION, localPatientId: LOCAL_PATIENT, warnings: [] },
      request: { member: { id: 'somebody' }, exportEntries: [] },
    });
    const link = { localPatientId: LOCAL_PATIENT, importedPatientId: 'imported-1' };
    const publishedAt = await requester.fhir.publish(taskId, link);
    expect(await requester.exchanges.load(taskId)).toMatchObject({ publishedAt, importedPatientId: 'imported-1' });
  });
});

describe('the sweep of exports', () => {
  const job = {
    clientId: 'c',
    isOperator: true,
    requestUrl: 'x',
    patientIds: [],
    types: [],
    since: undefined,
    origin: 'all',
  } as const;
  const sweepExports = (): Promise<void> => new MockActivityEnvironment().run(housekeeping.expireExports);

  it('starts the run of a job that was written and never started', async () => {
    await jobs.create({ id: 'never-started', ...job });
    await sweepExports();
    expect(await exportRuns.state('never-started')).toBe('running');
  });

  it('ends a job whose run was terminated, so that it counts no more', async () => {
    await requester.client.workflow.getHandle(exportWorkflowId('never-started')).terminate();
    await sweepExports();
    expect([(await jobs.load('never-started')).state, await jobs.running('c')]).toEqual(['failed', 0]);
  });

  it('leaves a complete job alone', async () => {
    await jobs.create({ id: 'complete', ...job });
    await jobs.change('complete', { state: 'complete', expiresAt: new Date(Date.now() + 60_000) });
    await sweepExports();
    expect((await jobs.load('complete')).state).toBe('complete');
  });

  it('takes away what has expired', async () => {
    await jobs.change('complete', { expiresAt: new Date(0) });
    await sweepExports();
    await expect(jobs.load('complete')).rejects.toMatchObject({ code: 'not-found' });
  });
});
