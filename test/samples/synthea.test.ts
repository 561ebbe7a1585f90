import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Task } from 'fhir/r4.js';
import { loadFiles } from '../../store/postgres/load.ts';
import { SAMPLE_DATA } from '../../cli/test-requirements.ts';
import { readKept } from '../../store/kept-content.ts';
import { asReceived, asSent } from '../support/same-record.ts';
import type { Differences } from '../support/same-record.ts';
import { startTwoPayers } from '../support/two-payers.ts';
import type { TwoPayers } from '../support/two-payers.ts';
import { taskOf } from '../support/payer.ts';
import { matchParameters } from '../unit/support/payer-session.ts';

const SYSTEM = 'urn:example:old-plan:id';

let payers: TwoPayers;

beforeAll(async () => {
  payers = await startTwoPayers();
  const files = readdirSync(SAMPLE_DATA).map((name) => path.join(SAMPLE_DATA, name));
  await loadFiles(payers.responding.wiring.pool, files);
}, 120_000);

afterAll(() => payers.stop());

interface Member {
  readonly patient: {
    readonly id: string;
    readonly name: unknown;
    readonly birthDate: string;
    readonly gender: string;
  };
  readonly memberId: string;
}

async function memberNamed(family: string): Promise<Member> {
  const { entry } = (await payers.responding.ask('GET', `Patient?name=${family}`)).json<{
    entry: { resource: Member['patient'] }[];
  }>();
  const patient = entry[0]?.resource;
  if (patient === undefined) throw new Error('no such member');
  const coverages = (await payers.responding.ask('GET', `Coverage?patient=${patient.id}`)).json<{
    entry: { resource: { subscriberId: string } }[];
  }>();
  return { patient, memberId: coverages.entry[0]?.resource.subscriberId ?? '' };
}

async function exchange({ patient, memberId }: Member): Promise<Task> {
  const local = `local-${patient.id.slice(0, 8)}`;
  await payers.requesting.ask('PUT', `Patient/${local}`, JSON.stringify({ resourceType: 'Patient', id: local }));
  const { parameter } = matchParameters({
    MemberPatient: {
      resourceType: 'Patient',
      id: '1',
      name: patient.name,
      birthDate: patient.birthDate,
      gender: patient.gender,
    },
  }) as { parameter: { name: string; resource: Record<string, unknown> }[] };
  for (const { name, resource } of parameter) if (name === 'CoverageToMatch') resource['subscriberId'] = memberId;
  const body = {
    resourceType: 'Parameters',
    parameter: [
      { name: 'localPatient', valueReference: { reference: `Patient/${local}` } },
      { name: 'sourceIssuerUrl', valueString: payers.responding.publicUrl },
      { name: 'memberMatch', part: parameter },
    ],
  };
  const answer = await payers.requesting.ask('POST', 'Patient/$sdh.s2s.invoke-export', JSON.stringify(body));
  return taskOf(payers.requesting, answer.headers.get('content-location') ?? '');
}

/** Lines as the responding payer sent them, out of what was kept. */
async function sentLines(task: Task): Promise<string[]> {
  const { files, blobs } = payers.requesting.wiring.requester;
  const lines: string[] = [];
  for (const file of await files.list(task.id ?? '')) {
    let text = '';
    for await (const part of readKept(blobs, file)) text += Buffer.from(part).toString('latin1');
    lines.push(
      ...Buffer.from(text, 'latin1')
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== ''),
    );
  }
  return lines;
}

/** What the exchange imported, by type and original id. */
async function imported(task: Task): Promise<{ texts: Map<string, string>; differences: Differences }> {
  const { rows } = await payers.requesting.wiring.pool.query<{ type: string; id: string; content: string }>(
    `SELECT r.type, r.id, r.content FROM resource r JOIN publication p ON p.id = r.publication_id
     WHERE p.published_at IS NOT NULL AND p.exchange_id IS NOT NULL AND NOT r.generated`,
  );
  const texts = new Map<string, string>();
  const originalOf = new Map<string, string>();
  const byIdentifier = new Map<string, string>();
  for (const { type, id, content } of rows) {
    const original = originalIdOf(content);
    texts.set(`${type}/${original}`, content);
    originalOf.set(`${type}/${id}`, `${type}/${original}`);
    for (const { system, value } of identifiersOf(content))
      byIdentifier.set(`${type}?identifier=${system}|${value}`, `${type}/${id}`);
  }
  expect(task.status).toBe('completed');
  return { texts, differences: { identifierSystem: SYSTEM, tag: 'migrated', originalOf, byIdentifier } };
}

const identifiersOf = (text: string): { system: string; value: string }[] => {
  const { identifier } = JSON.parse(text) as { identifier?: { system: string; value: string }[] };
  return Array.isArray(identifier) ? identifier : [];
};

const originalIdOf = (text: string): string =>
  new RegExp(`"system":"${SYSTEM}","value":"([^"]+)"`).exec(text)?.[1] ?? '';

describe.each(['Becker968', 'Krajcik437'])('the record of %s', (family) => {
  let member: Member;
  let task: Task;
  let lines: string[];
  let received: Awaited<ReturnType<typeof imported>>;

  beforeAll(async () => {
    member = await memberNamed(family);
    task = await exchange(member);
    lines = await sentLines(task);
    received = await imported(task);
  }, 180_000);

  it('arrives with every line that the responding payer exported, equal but for the listed differences', () => {
    const different: string[] = [];
    for (const line of lines) {
      const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
      const stored = received.texts.get(`${resourceType}/${id}`);
      const sent = asSent(line);
      const got = stored === undefined ? undefined : asReceived(stored, sent, received.differences);
      if (JSON.stringify(got) !== JSON.stringify(sent)) different.push(`${resourceType}/${id}`);
    }
    expect(lines.length).toBeGreaterThan(100);
    expect(different).toEqual([]);
  });

  it('holds every record of the member that was loaded', () => {
    const loaded = readdirSync(SAMPLE_DATA)
      .flatMap((name) => readFileSync(path.join(SAMPLE_DATA, name), 'utf8').split('\n'))
      .filter((line) => line.includes(`"Patient/${member.patient.id}"`))
      .map((line) => (JSON.parse(line) as { id: string }).id);
    const sent = new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id));
    expect(loaded.filter((id) => !sent.has(id))).toEqual([]);
  });

  it('has no reference that leads nowhere', () => {
    const known = new Set(received.differences.originalOf.keys());
    const open: string[] = [];
    for (const line of lines) {
      const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
      for (const [, reference = ''] of (received.texts.get(`${resourceType}/${id}`) ?? '').matchAll(
        /"reference":"([^"#]+)"/g,
      )) {
        if (!known.has(reference)) open.push(reference);
      }
    }
    expect([...new Set(open)]).toEqual([]);
  });

  it('is counted on the Task as it arrived', () => {
    const counts = (task.output ?? []).filter(({ type }) => type.coding?.[0]?.code === 'resource-count');
    expect(counts.reduce((sum, { valueUnsignedInt = 0 }) => sum + valueUnsignedInt, 0)).toBe(lines.length);
  });
});
