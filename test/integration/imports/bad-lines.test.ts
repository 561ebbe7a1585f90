import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { OperationOutcome } from 'fhir/r4.js';
import type { TaskState } from '../../../fhir/task.ts';
import { createTestDatabase } from '../../support/environment.ts';
import type { TestDatabase } from '../../support/environment.ts';
import { reachPayers } from '../../support/requester/direct-requester.ts';
import type { DirectRequester, Outside } from '../../support/requester/direct-requester.ts';
import { payerDefinition } from '../../support/requester/requester.ts';
import { exchangeDirectly } from '../../support/requester/steps.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';
import { BAD_LINES, observation } from './bad-line-table.ts';

let responder: Responder;
let database: TestDatabase;
let outside: Outside;

beforeAll(async () => {
  const Patient = ['{"resourceType":"Patient","id":"p1"}'];
  responder = await startResponder({
    members: [{ patientId: 'p1', memberId: 'M-1', lines: { Patient, Observation: [observation('any')] } }],
    behaviour: { kickOff: { requireMatch: false }, status: { pollsBeforeDone: 0, retryAfter: null } },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  outside = reachPayers([server]);
  database = await createTestDatabase();
});

afterAll(async () => {
  await outside.close();
  await database.drop();
  await responder.close();
});

/** The payer delivers these bytes as its file of Observations. */
function deliver(file: Buffer): void {
  const job = [...responder.jobs.values()].at(-1);
  const observations = job?.files.find(({ type }) => type === 'Observation');
  if (observations === undefined) throw new Error('no file of Observations');
  observations.content = file;
}

async function storedTexts({ pool }: DirectRequester, taskId: string): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ content: string }>(
    `SELECT r.content FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE p.exchange_id = $1 AND p.published_at IS NOT NULL AND r.type = 'Observation'`,
    [taskId],
  );
  const original = /"system":"urn:example:responder-ids","value":"([^"]+)"/;
  return Object.fromEntries(rows.map(({ content }) => [original.exec(content)?.[1] ?? content, content]));
}

const reported = (task: TaskState): unknown => {
  const report = task.output.find(({ kind }) => kind === 'refused-report') as { outcome: OperationOutcome } | undefined;
  return (report?.outcome.issue ?? []).map(({ details, diagnostics }) => [details?.coding?.[0]?.code, diagnostics]);
};

const sumOf = (task: TaskState, of: 'received' | 'refused'): number =>
  task.output.reduce((sum, each) => sum + (each.kind === 'resource-count' ? each.count[of] : 0), 0);

it.each(BAD_LINES.map((each, index) => ({ ...each, index })))(
  'a file with $kind',
  async ({ index, file, stored, refused, lines, maxLineBytes = 1024 * 1024 }) => {
    const localPatientId = `local-${index}`;
    const requester = outside.open(database.url, { settings: { maxLineBytes } });
    try {
      const text = `{"resourceType":"Patient","id":"${localPatientId}"}`;
      await requester.fhir.write([{ kind: 'update', type: 'Patient', id: localPatientId, text }]);
      const exchange = { localPatientId, request: { member: { id: 'p1' } } };
      const task = await exchangeDirectly(requester, exchange, () => deliver(file));
      expect([task.status, task.reason]).toEqual(['completed', undefined]);
      const number = (await requester.files.list(task.id)).findIndex(({ type }) => type === 'Observation') + 1;
      expect(reported(task)).toEqual(refused.map(([line, reason]) => [reason, `file ${number}, line ${line}`]));
      const texts = await storedTexts(requester, task.id);
      expect(Object.keys(texts).sort()).toEqual(Object.keys(stored).sort());
      // Not by a matcher: its message would print 50 MB.
      const changed = Object.entries(stored).filter(([id, piece]) => texts[id]?.includes(piece) !== true);
      expect(changed.map(([id]) => id)).toEqual([]);
      const count = task.output.find(({ kind }) => kind === 'refused-count');
      expect(count).toEqual(refused.length === 0 ? undefined : { kind: 'refused-count', value: refused.length });
      expect([sumOf(task, 'received'), sumOf(task, 'refused')]).toEqual([lines + 1, refused.length]);
    } finally {
      await requester.close();
    }
  },
);
