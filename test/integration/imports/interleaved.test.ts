import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredResource } from '../../../store/fhir-store.ts';
import { bulkClient } from '../../support/bulk-client.ts';
import type { BulkClient } from '../../support/bulk-client.ts';
import { randomFrom } from '../../support/random.ts';
import { collect } from '../../support/records.ts';
import { reachPayers } from '../../support/requester/direct-requester.ts';
import type { DirectRequester, Outside } from '../../support/requester/direct-requester.ts';
import { payerDefinition } from '../../support/requester/requester.ts';
import { asScheduled, importAll, undo, untilManifest } from '../../support/requester/steps.ts';
import type { DirectExchange, RunStep } from '../../support/requester/steps.ts';
import { startResponder } from '../../support/responder/responder.ts';
import type { Responder } from '../../support/responder/responder.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { DEFAULT_RULES, startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

/** Ann's record comes from two payers, Beth's from one of them; a third payer exports Ann's. */
const SOURCES = [
  { memberId: 'p1', localPatientId: 'ann', payerPid: 1, organizationId: 'old-payer' },
  { memberId: 'p2', localPatientId: 'ann', payerPid: 2, organizationId: 'older-payer' },
  { memberId: 'p3', localPatientId: 'beth', payerPid: 1, organizationId: 'old-payer' },
] as const;
type Source = (typeof SOURCES)[number];

/** Changed by every exchange: whoever reads them together must find them alike. */
const MARKED = 12;
const EXCHANGES = 4;
const TYPES = 'Patient,Observation,Condition';

let payer: RespondingPayer;
let responder: Responder;
let outside: Outside;
let requester: DirectRequester;
let partner: BulkClient;
let operator: BulkClient;

beforeAll(async () => {
  payer = await startRespondingPayer({ rules: { ...DEFAULT_RULES, lookBackYears: 150 } });
  await loadMembers(payer);
  partner = await bulkClient(payer, 'new-payer');
  await partner.post('Patient/$member-match', matchBody());
  operator = await bulkClient(payer, 'operator');
  responder = await startResponder({
    behaviour: { kickOff: { requireMatch: false }, status: { pollsBeforeDone: 0, retryAfter: null } },
  });
  const { server, publicJwk } = await payerDefinition(responder.baseUrl);
  responder.registerClient({ clientId: server.clientId, jwks: { keys: [publicJwk] } });
  outside = reachPayers([server, { ...server, pid: 2, organizationId: 'older-payer' }]);
  requester = outside.open(payer.pool.options.connectionString ?? '');
});

afterAll(async () => {
  await requester.close();
  await responder.close();
  await outside.close();
  await payer.stop();
});

/**
 * What the source has from now on: most of it changed, some as it was, some new. Demographics never: a difference would be
 * written to the exchange before its publication.
 */
function deliver({ memberId }: Source, word: string): void {
  const observation = (id: string, text: string): string =>
    `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"${text}"},"subject":{"reference":"Patient/${memberId}"},"performer":[{"reference":"Practitioner/dr"}]}`;
  responder.setMember({
    ...{ patientId: memberId, memberId: `M-${memberId}` },
    lines: {
      Patient: [`{"resourceType":"Patient","id":"${memberId}","contact":[{"name":{"text":"${word}"}}]}`],
      Practitioner: [`{"resourceType":"Practitioner","id":"dr","name":[{"family":"${word}"}]}`],
      Observation: [
        ...Array.from({ length: MARKED }, (_, index) => observation(`marked-${index}`, word)),
        observation('same', 'always'),
        observation(`only-${word}`, word),
      ],
    },
  });
}

const exchangeOf = ({ memberId, ...exchange }: Source): DirectExchange => ({
  ...{ ...exchange, request: { member: { id: memberId } } },
});

/** One exchange after another, with a pause before every step; some are undone before anybody sees them. */
async function runExchanges(source: Source, random: () => number): Promise<void> {
  const run: RunStep = async (activity) => {
    await delay(random() * 60);
    return asScheduled(activity);
  };
  for (let number = 0; number < EXCHANGES; number += 1) {
    deliver(source, `${source.memberId}-${number}-${Math.floor(random() * 1e6)}`);
    const taskId = await untilManifest(requester, exchangeOf(source));
    await importAll(requester, taskId, run);
    if (random() < 0.3) {
      await undo(requester, taskId, 'cancelled');
      continue;
    }
    await run(() => requester.activities.publishImport(taskId));
    await run(() => requester.activities.recordStep({ taskId, status: 'completed', step: 'done' }));
  }
}

async function runWrites(seed: number, random: () => number, isOver: () => boolean): Promise<void> {
  for (let number = 0; !isOver(); number += 1) {
    const id = `s${seed}-${Math.floor(random() * 6)}`;
    const text = `{"resourceType":"Condition","id":"${id}","subject":{"reference":"Patient/ann"},"note":[{"text":"${number}"}]}`;
    await payer.fhir.write([{ kind: 'update', type: 'Condition', id, text }]);
    await delay(random() * 40);
  }
}

/** What the third payer gets, export by export, each since the one before, until all is over, and then once more. */
async function runExports(start: string, random: () => number, isOver: () => boolean): Promise<readonly string[]> {
  const lines: string[] = [];
  let since = start;
  for (let isLast = false; !isLast;) {
    isLast = isOver();
    const query = `patient=Patient/ann&_type=${TYPES}&_since=${encodeURIComponent(since)}`;
    const manifest = await partner.exported(`Patient/$export?${query}`);
    lines.push(...(await partner.lines(manifest)));
    since = manifest.transactionTime;
    await delay(random() * 50);
  }
  return lines;
}

interface Marked {
  readonly id: string;
  readonly code: { readonly text: string };
  readonly meta: { readonly source: string };
}

/** Searches, one after another: how many there were, and how many found part of an exchange. */
async function runReads(isOver: () => boolean): Promise<{ readonly reads: number; readonly torn: number }> {
  let [reads, torn] = [0, 0];
  for (; !isOver(); reads += 1) {
    const imported = (await payer.fhir.linkedPatients('ann')).filter((id) => /^[0-9a-f]{40}$/.test(id));
    for (const id of imported) {
      const answer = await operator.get(`Observation?patient=${id}&_count=100`);
      const { entry = [] } = (await answer.json()) as { entry?: { resource: Marked }[] };
      const texts = entry.map(({ resource }) => resource.code.text);
      const word = texts.find((text) => texts.filter((each) => each === text).length > 1);
      // The record that each exchange brings anew stays: only the marked ones come again.
      if (texts.filter((text) => text === word).length !== MARKED + 1) torn += 1;
    }
  }
  return { reads, torn };
}

const versionOf = (line: string): string => {
  const { resourceType, id, meta } = JSON.parse(line) as {
    resourceType: string;
    id: string;
    meta: { versionId: string };
  };
  return `${resourceType}/${id}/${meta.versionId}`;
};

const keyOfVersion = (version: string): string => version.slice(0, version.lastIndexOf('/'));

describe('exports of a third payer, among exchanges, undone ones, writes and searches', () => {
  it.each([1, 2, 3])('miss nothing, repeat nothing and wait for nobody (seed %i)', async (seed) => {
    const randoms = Array.from({ length: 8 }, (_, actor) => randomFrom(seed * 1000 + actor));
    const random = (actor: number): (() => number) => randoms[actor] ?? Math.random;
    const start = await payer.fhir.freeze();
    let isRunning = true;
    const isOver = (): boolean => !isRunning;
    const besides = Promise.all([
      Promise.all([runExports(start, random(0), isOver), runExports(start, random(1), isOver)]),
      runReads(isOver),
      runWrites(seed, random(2), isOver),
    ]);
    await Promise.all(SOURCES.map((source, index) => runExchanges(source, random(3 + index)))).finally(() => {
      isRunning = false;
    });
    const [chains, { reads, torn }] = await besides;
    const patientIds = await payer.fhir.linkedPatients('ann');
    const types = TYPES.split(',');
    const state = await collect(payer.fhir.memberCompartment({ patientIds, types, since: start }));
    const visible = state.map(({ type, id, versionId }: StoredResource) => `${type}/${id}/${versionId}`).sort();
    for (const lines of chains) {
      const versions = lines.map(versionOf);
      expect(new Set(versions).size).toBe(versions.length);
      const last = new Map(versions.map((version) => [keyOfVersion(version), version]));
      expect([...last.values()].sort()).toEqual(visible);
      expect(lines.join('\n')).not.toMatch(/beth|p3-/);
    }
    expect(visible.length).toBeGreaterThan(MARKED);
    expect(reads).toBeGreaterThan(5);
    expect(torn).toBe(0);
  });
});

describe('a publication that waits', () => {
  it('holds up no reader and no export, and shows nothing before it is through', async () => {
    const [source] = SOURCES;
    deliver(source, 'waiting');
    const taskId = await untilManifest(requester, exchangeOf(source));
    await importAll(requester, taskId);
    const since = await payer.fhir.freeze();
    const holder = await payer.pool.connect();
    await holder.query('BEGIN');
    // What a publication writes besides its own row: so it stands in the middle of its transaction.
    await holder.query('SELECT 1 FROM exchange WHERE id = $1 FOR UPDATE', [taskId]);
    const publishing = asScheduled(() => requester.activities.publishImport(taskId));
    const isWaiting = async (): Promise<boolean> => {
      const { rows } = await payer.pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE exchange SET published_at%'`,
      );
      return rows.length > 0;
    };
    while (!(await isWaiting())) await delay(20);
    const compartment = await payer.fhir.linkedPatients('ann');
    const found = await collect(payer.fhir.memberCompartment({ patientIds: compartment, since }));
    const answer = await operator.get('Observation?patient=ann&_count=100');
    const waiting = await Promise.race([publishing.then(() => false), Promise.resolve(true)]);
    await holder.query('COMMIT');
    holder.release();
    await publishing;
    expect([found.length, answer.status, waiting]).toEqual([0, 200, true]);
    const after = await collect(payer.fhir.memberCompartment({ patientIds: compartment, since }));
    expect(after.filter(({ type }) => type === 'Observation')).toHaveLength(MARKED + 1);
  });
});
