import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SAMPLE_DATA } from '../../cli/test-requirements.ts';
import type { TaskState } from '../../fhir/task.ts';
import { endOf, payerDefinition, startRequester, TEST_LIMITS } from '../support/requester/requester.ts';
import type { Requester } from '../support/requester/requester.ts';
import { startResponder } from '../support/responder/responder.ts';
import type { Responder } from '../support/responder/responder.ts';
import type { MemberInput } from '../support/responder/state.ts';

const ORGANIZATION = 'old-plan';
const MINUTES = 60_000;

let responder: Responder;
let requester: Requester;
const members: MemberInput[] = [];
const rounds: TaskState[][] = [];

const localOf = ({ patientId }: MemberInput): string => `local-${patientId.slice(0, 8)}`;

async function exchange(member: MemberInput): Promise<TaskState> {
  const { taskId } = await requester.exchanges.open({
    ...{ payerPid: 1, organizationId: ORGANIZATION, localPatientId: localOf(member), warnings: [] },
    request: { exportEntries: [], member: { id: member.patientId } },
  });
  await requester.runs.start({ taskId, payerPid: 1, limits: TEST_LIMITS, skipMatch: true });
  return endOf(requester, taskId);
}

/** One exchange for each member, one after the other. */
async function round(): Promise<TaskState[]> {
  const tasks: TaskState[] = [];
  for (const member of members) tasks.push(await exchange(member));
  return tasks;
}

beforeAll(async () => {
  const patients = readFileSync(path.join(SAMPLE_DATA, 'Patient.ndjson'), 'utf8').trim().split('\n');
  responder = await startResponder({
    behaviour: { kickOff: { requireMatch: false }, status: { retryAfter: null, pollsBeforeDone: 0 } },
  });
  for (const line of patients) {
    const { id } = JSON.parse(line) as { id: string };
    members.push(await responder.loadMember({ directory: SAMPLE_DATA, patientId: id }));
  }
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  requester = await startRequester([server]);
  await requester.fhir.write(
    members.map((member) => {
      const id = localOf(member);
      return { kind: 'update', type: 'Patient', id, text: `{"resourceType":"Patient","id":"${id}"}` } as const;
    }),
  );
  rounds.push(await round(), await round());
}, 10 * MINUTES);

afterAll(async () => {
  await requester.stop();
  await responder.close();
});

type Count = 'received' | 'new' | 'updated' | 'unchanged' | 'refused' | 'deleted';

const total = (tasks: readonly TaskState[], name: Count): number =>
  tasks
    .flatMap(({ output }) => output)
    .reduce((sum, each) => sum + (each.kind === 'resource-count' ? each.count[name] : 0), 0);

const linesOf = ({ lines }: MemberInput): number => Object.values(lines).flat().length;
const delivered = (): number => members.reduce((sum, member) => sum + linesOf(member), 0);

/** Every `reference` of a text that names a resource by `Type/id`. */
const literalsOf = (text: string): string[] =>
  [...text.matchAll(/"reference"\s*:\s*"([A-Za-z]+\/[A-Za-z0-9\-.]+)"/g)].map(([, reference]) => reference ?? '');

describe('all sample members', () => {
  it('come line by line', () => {
    const [first = []] = rounds;
    expect(first.map(({ status }) => status)).toEqual(members.map(() => 'completed'));
    expect([total(first, 'received'), total(first, 'refused')]).toEqual([delivered(), 0]);
  });

  it('point to nothing that is not here: what nobody brought is a logical reference, and is counted', async () => {
    const open: string[] = [];
    let looked = 0;
    for (const member of members) {
      const patientIds = await requester.fhir.linkedPatients(localOf(member));
      for await (const { text } of requester.fhir.memberCompartment({ patientIds, origin: 'imported' })) {
        const keys = literalsOf(text).map((reference) => {
          const [type = '', id = ''] = reference.split('/');
          return { type, id };
        });
        looked += keys.length;
        const here = await requester.fhir.visible(keys);
        open.push(...keys.map(({ type, id }) => `${type}/${id}`).filter((key) => !here.has(key)));
      }
    }
    expect(looked).toBeGreaterThan(10_000);
    expect(
      open.filter((key) => !key.startsWith('Organization/old-plan') && !key.startsWith('Organization/own')),
    ).toEqual([]);
  });

  it('change nothing when they come a second time', async () => {
    const [, second = []] = rounds;
    expect([total(second, 'new'), total(second, 'updated'), total(second, 'deleted')]).toEqual([0, 0, 0]);
    expect(total(second, 'unchanged')).toBe(delivered());
    const { rows } = await requester.pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM resource r JOIN publication p ON p.id = r.publication_id
       WHERE p.exchange_id = ANY($1) AND NOT r.evidence`,
      [second.map(({ id }) => id)],
    );
    expect(rows[0]?.count).toBe(0);
  });

  it('with changes, additions and deletions do exactly those', async () => {
    const [member] = members;
    if (member === undefined) throw new Error('no member');
    const observations = member.lines['Observation'] ?? [];
    const [changed = '', removed = '', ...rest] = observations;
    const { id: goneId } = JSON.parse(removed) as { id: string };
    const added = changed.replace(/"id"\s*:\s*"[^"]+"/, '"id":"added-observation"');
    const after = changed
      .replace('"status":"final"', '"status":"amended"')
      .replace('"status": "final"', '"status": "amended"');
    expect(after).not.toBe(changed);
    responder.setMember({ ...member, lines: { ...member.lines, Observation: [after, ...rest, added] } });
    const deletion = {
      ...{ resourceType: 'Bundle', type: 'transaction' },
      entry: [{ request: { method: 'DELETE', url: `Observation/${goneId}` } }],
    };
    responder.set({ manifest: { deletedLines: [JSON.stringify(deletion)] } });
    const task = await exchange(member);
    expect([total([task], 'new'), total([task], 'updated'), total([task], 'deleted')]).toEqual([1, 1, 1]);
    expect(total([task], 'unchanged')).toBe(linesOf(member) - 2);
  });
});
