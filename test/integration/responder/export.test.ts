import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sweepExports } from '../../../activities/responder/sweep-exports.ts';
import { bulkClient, codeOf, idsOf } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { IMPORTED, loadMembers, matchBody, OBSERVATIONS, SENSITIVE } from '../../support/responding-members.ts';
import { LINES_PER_FILE, startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
let partner: BulkClient;
let manifest: Manifest;

async function matched(clientId: string, options: Parameters<typeof matchBody>[0] = {}): Promise<BulkClient> {
  const client = await bulkClient(payer, clientId);
  const answer = await client.post('Patient/$member-match', matchBody(options));
  if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
  return client;
}

const jobOf = (statusUrl: string): string => statusUrl.split('/').at(-1) ?? '';

const partsOf = async (statusUrl: string): Promise<number> =>
  (await payer.pool.query('SELECT 1 FROM export_part WHERE job_id = $1', [jobOf(statusUrl)])).rows.length;

const keepHouse = (expirySeconds = 3600): Promise<void> =>
  // A little ahead: the database rounds its clock.
  sweepExports({ jobs: payer.jobs, runs: payer.runs, settledAfterMs: -1000, expirySeconds });

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  partner = await matched('new-payer');
  manifest = await partner.exported('Patient/$export?patient=Patient/ann');
});

afterAll(() => payer.stop());

describe("an export of one member's record", () => {
  it('has every record of both compartments, and what they refer to, once', async () => {
    const types = [...new Set(manifest.output.map(({ type }) => type))].sort();
    expect(types).toEqual([
      ...['CarePlan', 'Coverage', 'Encounter', 'Observation', 'Organization', 'Patient', 'Practitioner'],
      ...['PractitionerRole', 'Provenance'],
    ]);
    const own = Array.from({ length: OBSERVATIONS }, (_, n) => `obs-${n}`);
    expect(idsOf(await partner.lines(manifest, 'Observation'))).toEqual([...own, IMPORTED.observation].sort());
    expect(idsOf(await partner.lines(manifest, 'Patient'))).toEqual(['ann', IMPORTED.patient]);
    expect(idsOf(await partner.lines(manifest, 'Practitioner'))).toEqual(['doctor']);
    expect(idsOf(await partner.lines(manifest, 'Organization'))).toEqual(['hospital', 'own']);
  });

  it('holds nothing of another member, no evidence, nothing sensitive', async () => {
    const all = (await partner.lines(manifest)).join('\n');
    expect(all).not.toMatch(new RegExp(`beth|${SENSITIVE}|${IMPORTED.evidence}|all-members","type`, 'i'));
    expect(manifest.output.map(({ type }) => type)).not.toContain('Group');
  });

  it('hands the texts out as they are, digits of decimals too', async () => {
    const lines = await partner.lines(manifest, 'Observation');
    const line = lines.find((each) => each.includes('"id":"obs-1"'));
    expect(line).toBe((await payer.fhir.read('Observation', 'obs-1'))?.text);
    expect(line).toContain('"value":1.50');
  });

  it('splits a type by lines and counts them', () => {
    const counts = manifest.output.filter(({ type }) => type === 'Observation').map(({ count }) => count);
    expect(counts).toEqual([LINES_PER_FILE, LINES_PER_FILE, OBSERVATIONS + 1 - 2 * LINES_PER_FILE]);
  });

  it('says as of when it is, what was asked, and that files need the token', () => {
    expect(manifest).toMatchObject({
      request: `${payer.url}/Patient/$export?patient=Patient/ann`,
      requiresAccessToken: true,
      error: [],
    });
    expect(Date.parse(manifest.transactionTime)).toBeLessThanOrEqual(Date.now());
  });

  it('leaves out what came after its instant, and _since brings just that', async () => {
    await createResource(
      payer.fhir,
      '{"resourceType":"Observation","id":"obs-new","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"}}',
    );
    const later = await partner.exported(`Patient/$export?patient=Patient/ann&_since=${manifest.transactionTime}`);
    expect(later.output.map(({ type, count }) => [type, count])).toEqual([
      ['Observation', 1],
      // What we say of the transmission itself.
      ['Provenance', 1],
    ]);
    expect(idsOf(await partner.lines(later, 'Observation'))).toEqual(['obs-new']);
    expect(idsOf(await partner.lines(manifest, 'Observation'))).not.toContain('obs-new');
  });

  it.each([
    ['Patient/ann/$export?_type=Encounter', ['enc-ann']],
    ['Patient/$export?_type=Encounter,Practitioner', ['doctor', 'enc-ann']],
    ['Patient/$export?_type=Encounter&_type=Practitioner', ['doctor', 'enc-ann']],
    [`Patient/${IMPORTED.patient}/$export?_type=Encounter`, ['enc-ann']],
    ['Patient/$export?_type=Patient&origin=native', ['ann']],
    ['Patient/$export?_type=Patient&origin=imported', [IMPORTED.patient]],
    ['Patient/$export?_type=Patient&_outputFormat=application/fhir+ndjson&origin=native', ['ann']],
  ])('by %s has %j', async (path, ids) => {
    expect(idsOf(await partner.lines(await partner.exported(path)))).toEqual(ids);
  });

  it('can be asked for by POST', async () => {
    const parameter = [
      { name: 'patient', valueReference: { reference: 'Patient/ann' } },
      { name: '_type', valueString: 'Encounter' },
      { name: '_outputFormat', valueString: 'application/fhir+ndjson' },
    ];
    const answer = await partner.post('Patient/$export', JSON.stringify({ resourceType: 'Parameters', parameter }));
    expect(answer.status).toBe(202);
    const done = await partner.complete(answer.headers.get('content-location') ?? '');
    expect(idsOf(await partner.lines((await done.json()) as Manifest))).toEqual(['enc-ann']);
  });

  it('can be asked for by POST without a body', async () => {
    expect((await partner.post('Patient/ann/$export?_type=Encounter')).status).toBe(202);
  });
});

describe('a kick-off', () => {
  it.each([
    ['includeAssociatedData=LatestProvenanceResources', 400, 'not-supported'],
    ['organizeOutputBy=Patient', 400, 'not-supported'],
    ['allowPartialManifests=true', 400, 'not-supported'],
    ['_elements=name.family', 400, 'request-invalid'],
    ['_until=soon', 400, 'request-invalid'],
    ['_since=2026-01-01T00:00:00Z&_since=2026-02-01T00:00:00Z', 400, 'request-invalid'],
    ['exportType=hl7.fhir.us.davinci-pdex%23payertopayer', 400, 'not-supported'],
    ['_type=Unknown', 400, 'request-invalid'],
    ['_outputFormat=text/csv', 400, 'request-invalid'],
    ['_since=yesterday', 400, 'request-invalid'],
    ['patient=http://elsewhere.test/fhir/Patient/ann', 400, 'request-invalid'],
    ['patient=Patient/beth', 403, 'consent-withdrawn'],
    ['patient=Patient/nobody', 403, 'consent-withdrawn'],
    ['patient=Patient/ann&patient=Patient/beth', 403, 'consent-withdrawn'],
  ])('with %s is answered by %d %s', async (query, status, code) => {
    const answer = await partner.get(`Patient/$export?${query}`);
    expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
  });

  it.each(['HEAD', 'PUT', 'DELETE', 'PATCH'])(
    'by %s begins nothing and is 405 with the methods there are',
    async (method) => {
      const before = (await payer.jobs.newest(1000)).length;
      const authorization = `Bearer ${await payer.token('new-payer')}`;
      const answer = await fetch(`${payer.url}/Patient/$export`, { method, headers: { authorization } });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
      expect((await payer.jobs.newest(1000)).length).toBe(before);
    },
  );

  it('exports no type that the token does not cover', async () => {
    const narrow = await bulkClient(payer, 'new-payer', 'system/Patient.rs system/Encounter.rs');
    const narrowed = await narrow.exported('Patient/$export');
    expect([...new Set(narrowed.output.map(({ type }) => type))]).toEqual(['Encounter', 'Patient']);
    expect((await narrow.get('Patient/$export?_type=Observation')).status).toBe(403);
  });

  it('answers 429 with Retry-After while too many run, however close they come', async () => {
    const greedy = await matched('greedy');
    await payer.pause();
    try {
      const answers = await Promise.all(Array.from({ length: 24 }, () => greedy.get('Patient/$export?_type=Patient')));
      const accepted = answers.filter(({ status }) => status === 202);
      const throttled = answers.filter(({ status }) => status === 429);
      expect([accepted.length, throttled.length]).toEqual([20, 4]);
      expect(Number(throttled[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await payer.resume();
    }
  });
});

describe('the status of an export', () => {
  it('is 202 with progress while it runs', async () => {
    await payer.pause();
    const url = await partner.kickOff('Patient/$export');
    const running = await partner.get(url);
    await payer.resume();
    expect(url.startsWith(`${payer.url}/export-status/`)).toBe(true);
    expect(running.status).toBe(202);
    expect(running.headers.get('x-progress')?.length).toBeLessThan(100);
    expect(Number(running.headers.get('retry-after'))).toBeGreaterThan(0);
    const done = await partner.complete(url);
    expect(done.headers.get('content-type')).toMatch(/^application\/json/);
    expect(Date.parse(done.headers.get('expires') ?? '')).toBeGreaterThan(Date.now());
  });

  it("is nobody else's, not even to delete", async () => {
    const url = await partner.kickOff('Patient/$export');
    await partner.complete(url);
    for (const other of [
      await matched('other'),
      await bulkClient(payer, 'operator', 'system/*.cruds carryover.admin'),
    ]) {
      expect((await other.get(url)).status).toBe(404);
      expect((await other.delete(url)).status).toBe(404);
    }
    expect((await partner.get(url)).status).toBe(200);
  });

  it('is 404 after DELETE, and the files are gone', async () => {
    const url = await partner.kickOff('Patient/ann/$export?_type=Encounter');
    await partner.complete(url);
    expect(await partsOf(url)).toBeGreaterThan(0);
    expect((await partner.delete(url)).status).toBe(202);
    expect((await partner.get(url)).status).toBe(404);
    await until(async () => (await partsOf(url)) === 0);
  });

  it('is 404 after DELETE while it ran, and no file is left when the run has ended', async () => {
    await payer.pause();
    const url = await partner.kickOff('Patient/$export');
    expect((await partner.delete(url)).status).toBe(202);
    expect((await partner.get(url)).status).toBe(404);
    await payer.resume();
    await until(async () => (await payer.runs.state(jobOf(url))) !== 'running');
    expect(await partsOf(url)).toBe(0);
  });

  it('tells of an end by an operator instead of leaving the partner to wait', async () => {
    await payer.pause();
    const url = await partner.kickOff('Patient/$export');
    await payer.runs.cancel(jobOf(url));
    await payer.resume();
    await until(async () => (await payer.runs.state(jobOf(url))) === 'cancelled');
    await keepHouse();
    const ended = await partner.complete(url);
    const { issue } = (await ended.json()) as { issue: { code: string }[] };
    // No code of those that mean: ask again.
    expect([ended.status, issue[0]?.code]).toEqual([500, 'processing']);
  });
});

describe('a file', () => {
  it('is refused as soon as no consent is in force any more', async () => {
    const leaving = await matched('leaving');
    const own = await leaving.exported('Patient/$export?_type=Patient');
    const url = own.output[0]?.url ?? '';
    expect((await leaving.get(url)).status).toBe(200);
    await payer.matches.withdraw('ann', 'leaving');
    const refused = await leaving.get(url);
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'consent-withdrawn']);
  });
});

describe('housekeeping', () => {
  it('starts an export whose run was never started', async () => {
    const id = '00000000-0000-4000-8000-000000000001';
    await payer.jobs.create(
      {
        ...{ id, clientId: 'new-payer', isOperator: false, requestUrl: `${payer.url}/Patient/$export` },
        ...{ patientIds: ['ann'], types: ['Patient'], since: undefined, origin: 'native' },
      },
      100,
    );
    await keepHouse();
    const done = await partner.complete(`${payer.url}/export-status/${id}`);
    expect(idsOf(await partner.lines((await done.json()) as Manifest))).toEqual(['ann']);
  });
});
