import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { OperationOutcome } from 'fhir/r4.js';
import type { TaskState } from '../../../fhir/task.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';
import { readKept } from '../../../store/kept-content.ts';
import { startExchange } from '../../support/requester/exchange.ts';
import { endOf, payerDefinition, startRequester } from '../../support/requester/requester.ts';
import type { Requester } from '../../support/requester/requester.ts';
import { countOf, SAMPLE_LINES, SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { defaultBehaviour } from '../../support/responder/options.ts';
import type { Behaviour, Patch } from '../../support/responder/options.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

let responder: Responder;
let requester: Requester;

beforeAll(async () => {
  responder = await startResponder({ members: [SAMPLE_MEMBER] });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl, {
    allowedHosts: [],
    exportForm: undefined,
  });
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  const allowing = { ...server, pid: 2, allowedHosts: [new URL(responder.otherOrigin).host] };
  const instance = { ...server, pid: 3, exportForm: 'instance-level' as const };
  requester = await startRequester([server, allowing, instance]);
});

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

beforeEach(() => {
  Object.assign(responder.behaviour, defaultBehaviour());
  responder.set({ status: { retryAfter: null } });
  responder.requests.length = 0;
});

async function exchange(behaviour: Patch<Behaviour>, payerPid = 1): Promise<TaskState> {
  responder.set(behaviour);
  const taskId = await startExchange(requester, undefined, {}, payerPid);
  return endOf(requester, taskId);
}

const outcomeOf = (task: TaskState, kind: string): OperationOutcome | undefined => {
  const output = task.output.find((each) => each.kind === kind);
  return output !== undefined && 'outcome' in output ? output.outcome : undefined;
};

/** Records that the Task says it left visible. */
const stored = (task: TaskState): number =>
  task.output.reduce(
    (sum, each) =>
      each.kind === 'resource-count' ? sum + each.count.new + each.count.updated + each.count.unchanged : sum,
    0,
  );

const WHOLE = countOf(SAMPLE_LINES);

describe('a token endpoint', () => {
  it('that refuses the client ends the exchange before anything of the member is sent', async () => {
    const task = await exchange({ token: { failures: [{ times: 99, status: 401, code: 'invalid_client' }] } });
    expect([task.status, task.businessStatus, task.reason]).toEqual(['failed', 'authorize', 'token-refused']);
    expect(responder.requests.some(({ path }) => path.includes('$member-match'))).toBe(false);
  });
});

describe('a match', () => {
  it('of nobody is final, with the payer’s own words on the Task', async () => {
    const parameters = JSON.stringify(matchParameters()).replaceAll('PERSON', 'Somebody');
    const taskId = await startExchange(requester, { matchParameters: parameters });
    const task = await endOf(requester, taskId);
    expect([task.status, task.businessStatus, task.reason]).toEqual(['failed', 'match-member', 'member-not-matched']);
    expect(outcomeOf(task, 'peer-outcome')?.resourceType).toBe('OperationOutcome');
    expect(responder.requests.filter(({ path }) => path.includes('$member-match'))).toHaveLength(1);
  });
});

describe('a kick-off', () => {
  it('that is refused ends the exchange', async () => {
    const failures = [{ times: 99, status: 403, code: 'forbidden' }];
    const task = await exchange({ kickOff: { failures } });
    expect([task.status, task.businessStatus, task.reason]).toEqual(['failed', 'start-export', 'export-refused']);
  });

  it('goes to Patient/<id>/$export where the payer is configured so', async () => {
    const task = await exchange({ kickOff: { typeLevel: false, instanceLevel: true } }, 3);
    expect(task.status).toBe('completed');
    expect(responder.requests.some(({ path }) => path.endsWith('/Patient/p1/$export'))).toBe(true);
  });
});

describe('a status', () => {
  it('whose Retry-After is a date is waited for', async () => {
    const task = await exchange({ status: { retryAfter: { form: 'date', seconds: 2 }, pollsBeforeDone: 1 } });
    const polls = responder.requests.filter(({ path, method }) => path.includes('job') && method === 'GET');
    expect(task.status).toBe('completed');
    expect((polls[1]?.time ?? 0) - (polls[0]?.time ?? 0)).toBeGreaterThanOrEqual(1000);
  });

  it('that says the job failed ends the exchange', async () => {
    const issue = { severity: 'error' as const, code: 'processing', diagnostics: 'disk full' };
    const task = await exchange({ status: { jobFails: { status: 500, issue } } });
    expect([task.status, task.businessStatus, task.reason]).toEqual(['failed', 'poll-export', 'export-failed']);
    expect(outcomeOf(task, 'peer-outcome')?.issue[0]?.diagnostics).toBe('disk full');
  });

  it('that never ends runs into the deadline, and the export is given back', async () => {
    responder.set({ status: { pollsBeforeDone: 100_000 } });
    const taskId = await startExchange(requester, undefined, { exportDeadlineMs: 500 });
    const task = await endOf(requester, taskId);
    expect([task.status, task.reason]).toEqual(['failed', 'export-deadline']);
    expect(responder.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });
});

describe('files', () => {
  it('are asked for the rest only, behind what is here already', async () => {
    const large = `{"resourceType":"Observation","id":"large","status":"final","code":{"text":"${'x'.repeat(600_000)}"},"subject":{"reference":"Patient/p1"}}`;
    const faults = { types: ['Observation'], cut: { afterBytes: 500_000, times: 1 } };
    await exchange({ files: { gzip: false, extraLines: { Observation: [large] }, faults } });
    expect(responder.requests.map(({ headers }) => String(headers['range']))).toContainEqual(
      expect.stringMatching(/^bytes=[1-9]\d{4,}-$/),
    );
  });

  it('on a host that the definition allows are fetched', async () => {
    expect((await exchange({ files: { origin: 'other' } }, 2)).status).toBe('completed');
  });

  it('of errors reach the Task', async () => {
    const errors = [{ severity: 'warning' as const, code: 'processing', diagnostics: 'one record left out' }];
    const task = await exchange({ manifest: { errors } });
    expect(outcomeOf(task, 'peer-outcome')?.issue[0]?.diagnostics).toBe('one record left out');
  });
});

describe('lines', () => {
  const foreign =
    '{"resourceType":"Observation","id":"x1","status":"final","code":{},"subject":{"reference":"Patient/somebody"}}';

  it('that cannot be stored are refused, counted and reported with file and line', async () => {
    const task = await exchange({
      files: { extraLines: { Observation: ['{"resourceType":', '{"resourceType":"Nonsense","id":"1"}'] } },
    });
    const issues = outcomeOf(task, 'refused-report')?.issue ?? [];
    expect(task.status).toBe('completed');
    expect(issues.map(({ details }) => details?.coding?.[0]?.code)).toEqual(['malformed-json', 'unknown-type']);
    expect(issues[0]?.diagnostics).toMatch(/^file \d+, line 26$/);
    expect(task.output).toContainEqual({ kind: 'refused-count', value: 2 });
  });

  it('of another member are cut out of what is kept', async () => {
    const task = await exchange({ files: { extraLines: { Observation: [foreign] } } });
    const kept = await requester.files.list(task.id);
    let bytes = '';
    for (const file of kept) {
      for await (const part of readKept(requester.blobs, file)) {
        bytes += Buffer.from(part).toString('utf8');
      }
    }
    expect(task.status).toBe('completed');
    expect(bytes).toContain('"id":"o24"');
    expect(bytes).not.toContain('Patient/somebody');
  });

  it('refused in greater number than allowed end the exchange with nothing kept', async () => {
    const extraLines = { Observation: Array.from({ length: 11 }, () => 'no json') };
    const task = await exchange({ files: { extraLines } });
    expect([task.status, task.reason]).toEqual(['failed', 'too-many-refused-lines']);
    const { rows } = await requester.pool.query(
      `SELECT 1 FROM resource r JOIN publication p ON p.id = r.publication_id WHERE p.exchange_id = $1
       UNION ALL SELECT 1 FROM blob_chunk WHERE blob_id LIKE $2`,
      [task.id, `exchange/${task.id}/%`],
    );
    expect(rows).toHaveLength(0);
  });
});

describe('a cancellation', () => {
  it('while the export runs ends the Task, gives the export back and keeps nothing', async () => {
    responder.set({ status: { pollsBeforeDone: 100_000 } });
    const taskId = await startExchange(requester);
    await until(() => responder.requests.some(({ path, method }) => path.includes('job') && method === 'GET'));
    await requester.runs.cancel(taskId);
    const task = await endOf(requester, taskId);
    expect([task.status, task.businessStatus, task.reason]).toEqual(['cancelled', 'poll-export', 'cancelled']);
    expect(responder.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });

  it('frees the place of the payer', async () => {
    const { rows } = await requester.pool.query('SELECT 1 FROM slot');
    expect(rows).toHaveLength(0);
  });
});

describe('a signal to poll now', () => {
  it('cuts a long wait short', async () => {
    responder.set({ status: { pollsBeforeDone: 1, retryAfter: { form: 'seconds', seconds: 3600 } } });
    const taskId = await startExchange(requester);
    await until(() => responder.requests.some(({ path, method }) => path.includes('job') && method === 'GET'));
    await requester.runs.pollNow(taskId);
    expect((await endOf(requester, taskId)).status).toBe('completed');
  });
});

describe('sourcePatientId', () => {
  it('takes the place of the match', async () => {
    responder.set({ kickOff: { requireMatch: false } });
    const taskId = await startExchange(requester, { member: { id: 'p1' } });
    const task = await endOf(requester, taskId);
    expect([task.status, stored(task)]).toEqual(['completed', WHOLE]);
    expect(responder.requests.some(({ path }) => path.includes('$member-match'))).toBe(false);
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
