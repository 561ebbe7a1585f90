import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { OperationOutcome } from 'fhir/r4.js';
import type { TaskState } from '../../../fhir/task.ts';
import { createTestDatabase } from '../../support/environment.ts';
import type { TestDatabase } from '../../support/environment.ts';
import { reachPayers } from '../../support/requester/direct-requester.ts';
import type { DirectRequester, Outside } from '../../support/requester/direct-requester.ts';
import { payerDefinition } from '../../support/requester/requester.ts';
import { countOf, SAMPLE_LINES, SAMPLE_MEMBER } from '../../support/requester/sample-record.ts';
import { exchangeDirectly } from '../../support/requester/steps.ts';
import { defaultBehaviour } from '../../support/responder/options.ts';
import type { Behaviour, Patch } from '../../support/responder/options.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';

let responder: Responder;
let database: TestDatabase;
let outside: Outside;
let requester: DirectRequester;
let members = 0;

beforeAll(async () => {
  responder = await startResponder({ members: [SAMPLE_MEMBER] });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  outside = reachPayers([server]);
  database = await createTestDatabase();
  requester = outside.open(database.url);
});

afterAll(async () => {
  await requester.close();
  await responder.close();
  await outside.close();
  await database.drop();
});

beforeEach(() => {
  Object.assign(responder.behaviour, defaultBehaviour());
  responder.set({ kickOff: { requireMatch: false }, status: { pollsBeforeDone: 0, retryAfter: null } });
  responder.requests.length = 0;
});

/** For a local Patient of its own: nothing is here before. */
async function exchange(
  behaviour: Patch<Behaviour>,
  delivered: { readonly kind?: 'output' | 'error'; readonly content?: Buffer } = {},
): Promise<TaskState> {
  responder.set(behaviour);
  members += 1;
  const id = `local-${members}`;
  await requester.fhir.write([
    { kind: 'update', type: 'Patient', id, text: `{"resourceType":"Patient","id":"${id}"}` },
  ]);
  return exchangeDirectly(requester, { localPatientId: id, request: { member: { id: 'p1' } } }, () => {
    const { kind = 'output', content } = delivered;
    const files = [...responder.jobs.values()].at(-1)?.files ?? [];
    const file = files.find((each) => each.kind === kind && (kind === 'error' || each.type === 'Observation'));
    if (file !== undefined && content !== undefined) file.content = content;
  });
}

const received = (task: TaskState): number =>
  task.output.reduce((sum, each) => sum + (each.kind === 'resource-count' ? each.count.received : 0), 0);

function outcomeOf(task: TaskState, kind: string): OperationOutcome | undefined {
  const output = task.output.find((each) => each.kind === kind);
  return output !== undefined && 'outcome' in output ? output.outcome : undefined;
}

const warnings = (task: TaskState): (string | undefined)[] =>
  (outcomeOf(task, 'warnings')?.issue ?? []).map(({ details }) => details?.coding?.[0]?.code);

const requestsOfObservations = (): number =>
  responder.requests.filter(({ path }) => path.includes('.Observation.ndjson')).length;

async function kept(task: TaskState): Promise<number> {
  const { rows } = await requester.pool.query(
    `SELECT 1 FROM resource r JOIN publication p ON p.id = r.publication_id WHERE p.exchange_id = $1
     UNION ALL SELECT 1 FROM blob_chunk WHERE blob_id LIKE $2`,
    [task.id, `exchange/${task.id}/%`],
  );
  return rows.length;
}

const types = ['Observation'];
const always = 99;
const plain = { gzip: false, etag: 'none' } as const;

/** What the payer does to the file, so many times. */
const DAMAGES: readonly (readonly [string, (times: number) => Patch<Behaviour['files']>])[] = [
  [
    'is shorter than its Content-Length',
    (times) => ({ ...plain, faults: { types, shortBody: { missingBytes: 400, times, honestLength: false } } }),
  ],
  [
    'breaks off, and had no Content-Length',
    (times) => ({
      ...{ ...plain, contentLength: false },
      faults: { types, shortBody: { missingBytes: 400, times, honestLength: false } },
    }),
  ],
  [
    'ends inside a line, with the length of what came',
    (times) => ({ ...plain, faults: { types, shortBody: { missingBytes: 100, times, honestLength: true } } }),
  ],
  ['ends inside its gzip', (times) => ({ gzip: true, faults: { types, truncatedGzip: { times } } })],
  [
    'ends inside the Binary around it',
    (times) => ({
      ...{ ...plain, wrap: 'binary' },
      faults: { types, shortBody: { missingBytes: 100, times, honestLength: true } },
    }),
  ],
  ['loses its connection', (times) => ({ ...plain, faults: { types, cut: { afterBytes: 700, times } } })],
];

describe.each(DAMAGES)('a file that %s', (_name, damage) => {
  it('is fetched again', async () => {
    const task = await exchange({ files: damage(2) });
    expect([task.status, received(task), warnings(task)]).toEqual([
      'completed',
      countOf(SAMPLE_LINES),
      ['open-references'],
    ]);
    expect(requestsOfObservations()).toBe(3);
  });

  it('time and again is never taken for whole, and nothing is kept', async () => {
    const task = await exchange({ files: damage(always) });
    expect([task.status, task.reason]).toEqual(['failed', 'file-damaged']);
    expect(await kept(task)).toBe(0);
  });
});

describe('a file that ends inside a character', () => {
  it('is never taken for whole', async () => {
    const whole = Buffer.from('{"resourceType":"Observation","id":"o1","code":{"text":"é');
    const task = await exchange({ files: plain }, { content: whole.subarray(0, -1) });
    expect([task.status, task.reason]).toEqual(['failed', 'file-damaged']);
  });
});

describe('a count of the manifest', () => {
  it('that differs is told, and nothing more', async () => {
    const task = await exchange({ manifest: { count: 'wrong' } });
    expect([task.status, received(task)]).toEqual(['completed', countOf(SAMPLE_LINES)]);
    expect(warnings(task)).toContain('manifest-count');
  });

  it('tells of a file that lost whole lines on its way, with the length of what came', async () => {
    const last = SAMPLE_LINES['Observation']?.at(-1) ?? '';
    const missingBytes = Buffer.byteLength(last) + 1;
    const faults = { types, shortBody: { missingBytes, times: always, honestLength: true } };
    const task = await exchange({ files: { ...plain, faults } });
    expect([task.status, received(task)]).toEqual(['completed', countOf(SAMPLE_LINES) - 1]);
    expect(outcomeOf(task, 'warnings')?.issue.map(({ details }) => details?.text)).toContainEqual(
      expect.stringMatching(/^File \d+ has 24 lines; the manifest says 25\.$/),
    );
  });
});

describe('a file of errors', () => {
  const issue = { severity: 'warning', code: 'processing', diagnostics: '' } as const;

  it('may hold characters that no database has in its JSON', async () => {
    const task = await exchange({ manifest: { errors: [{ ...issue, diagnostics: 'left\0out \ud83d' }] } });
    expect(task.status).toBe('completed');
    expect(outcomeOf(task, 'peer-outcome')?.issue[0]?.diagnostics).toBe('left\ufffdout \ufffd');
  });

  it.each([2000, 100_000])('may be nested as deep as it likes (%i levels)', async (levels) => {
    const deep = `${'{"extension":['.repeat(levels)}{}${']}'.repeat(levels)}`;
    const lines = `{"resourceType":"OperationOutcome","issue":[${deep}]}\n{"resourceType":"OperationOutcome","issue":[{"code":"x"}]}\n`;
    const behaviour = { manifest: { errors: [issue] } };
    const task = await exchange(behaviour, { kind: 'error', content: Buffer.from(lines) });
    expect([task.status, received(task)]).toEqual(['completed', countOf(SAMPLE_LINES)]);
    expect(outcomeOf(task, 'peer-outcome')?.issue).toEqual([{ code: 'x' }]);
  });

  it('is told as far as it is no longer than a Task can be', async () => {
    const errors = Array.from({ length: 30 }, () => ({ ...issue, diagnostics: 'x'.repeat(100_000) }));
    const task = await exchange({ manifest: { errors } });
    const told = outcomeOf(task, 'peer-outcome')?.issue ?? [];
    expect([task.status, told.length]).toEqual(['completed', 10]);
  });
});
