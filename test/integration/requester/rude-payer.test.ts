import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { OperationOutcome } from 'fhir/r4.js';
import type { TaskState } from '../../../fhir/task.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';
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

const warningsOf = (task: TaskState): (string | undefined)[] =>
  outcomeOf(task, 'warnings')?.issue.map(({ details }) => details?.coding?.[0]?.code) ?? [];

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

  it('that answers with an identifier alone is resolved by a search', async () => {
    const task = await exchange({ match: { memberId: 'none' } });
    expect([task.status, stored(task)]).toEqual(['completed', WHOLE]);
  });

  it('that answers with valueId works', async () => {
    expect((await exchange({ match: { shape: 'valueId' } })).status).toBe('completed');
  });

  it('that is throttled is tried again', async () => {
    const failures = [{ times: 2, status: 429, retryAfter: { form: 'seconds' as const, seconds: 1 } }];
    expect((await exchange({ match: { failures } })).status).toBe('completed');
  });

  it('whose consent is refused is final', async () => {
    const task = await exchange({ match: { refuseConsent: true } });
    expect([task.status, task.reason]).toEqual(['failed', 'consent-refused']);
  });
});

describe('a kick-off', () => {
  it('that is refused ends the exchange', async () => {
    const failures = [{ times: 99, status: 403, code: 'forbidden' }];
    const task = await exchange({ kickOff: { failures } });
    expect([task.status, task.businessStatus, task.reason]).toEqual(['failed', 'start-export', 'export-refused']);
  });

  it('with a relative Content-Location works', async () => {
    expect((await exchange({ kickOff: { contentLocation: 'relative' } })).status).toBe('completed');
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

  it('that fails for a passing reason does not end the export', async () => {
    const failures = [{ times: 2, status: 503, code: 'transient' }];
    expect((await exchange({ status: { failures } })).status).toBe('completed');
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
  it.each([
    ['cut in the middle are gone on with', { cut: { afterBytes: 700, times: 2 } }],
    ['with a truncated gzip body are fetched again', { truncatedGzip: { times: 1 } }],
    [
      'that end inside a line without saying so are fetched again',
      { shortBody: { missingBytes: 5, times: 1, honestLength: true } },
    ],
    ['that fail at first are fetched again', { failures: [{ times: 2, status: 503 as const }] }],
  ])('%s', async (_name, faults) => {
    const gzip = 'truncatedGzip' in faults;
    const task = await exchange({ files: { gzip, faults } });
    expect([task.status, stored(task)]).toEqual(['completed', WHOLE]);
  });

  it('that stay damaged end the exchange with nothing kept', async () => {
    const task = await exchange({ files: { gzip: true, faults: { truncatedGzip: { times: 99 } } } });
    expect([task.status, task.businessStatus, task.reason]).toEqual(['failed', 'download', 'file-damaged']);
    expect(stored(task)).toBe(0);
  });

  it('are asked for the rest only, behind what is here already', async () => {
    const large = `{"resourceType":"Observation","id":"large","status":"final","code":{"text":"${'x'.repeat(600_000)}"},"subject":{"reference":"Patient/p1"}}`;
    const faults = { types: ['Observation'], cut: { afterBytes: 500_000, times: 1 } };
    await exchange({ files: { gzip: false, extraLines: { Observation: [large] }, faults } });
    expect(responder.requests.map(({ headers }) => String(headers['range']))).toContainEqual(
      expect.stringMatching(/^bytes=[1-9]\d{4,}-$/),
    );
  });

  it('whose links have expired are asked for by those of a fresh manifest', async () => {
    const task = await exchange({ files: { links: 'first-manifest-expired' } });
    expect([task.status, stored(task)]).toEqual(['completed', WHOLE]);
  });

  it('whose links expire again and again end the exchange', async () => {
    const task = await exchange({ files: { links: 'always-expired' } });
    expect([task.status, task.reason]).toEqual(['failed', 'export-expired']);
  });

  it('that need no token are asked for without one', async () => {
    const task = await exchange({ manifest: { requiresAccessToken: false } });
    expect([task.status, stored(task)]).toEqual(['completed', WHOLE]);
  });

  it('on a host that nobody allowed are not asked for', async () => {
    const task = await exchange({ files: { origin: 'other' } });
    expect([task.status, task.reason]).toEqual(['failed', 'host-not-allowed']);
    expect(responder.requests.some(({ origin }) => origin === 'other')).toBe(false);
  });

  it('on a host that the definition allows are fetched', async () => {
    expect((await exchange({ files: { origin: 'other' } }, 2)).status).toBe('completed');
  });

  it('with absolute references give the same records as with relative ones', async () => {
    const task = await exchange({ files: { absoluteReferences: true } });
    const changed = task.output.filter(
      (each) => each.kind === 'resource-count' && each.count.updated + each.count.new > 0,
    );
    expect([task.status, changed]).toEqual(['completed', []]);
  });

  it('with byte order mark, CRLF and no last newline give the same records', async () => {
    const task = await exchange({ files: { bom: true, crlf: true, finalNewline: false } });
    const changed = task.output.filter(
      (each) => each.kind === 'resource-count' && each.count.updated + each.count.new > 0,
    );
    expect([task.status, changed]).toEqual(['completed', []]);
  });

  it('whose count differs from the manifest are reported', async () => {
    const task = await exchange({ manifest: { count: 'wrong' } });
    expect(task.status).toBe('completed');
    expect(warningsOf(task)).toContain('manifest-count');
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
      for await (const part of requester.blobs.read(`exchange/${task.id}/${file.number}/kept`)) {
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
