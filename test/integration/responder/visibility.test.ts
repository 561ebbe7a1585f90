import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulkClient, idsOf } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody, SENSITIVE } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
let partner: BulkClient;
let operator: BulkClient;
let manifest: Manifest;

const MONEY = '{"value":12.50,"currency":"USD"}';
const OF_ANN = '"patient":{"reference":"Patient/ann"},"status":"active"';
const today = new Date().toISOString().slice(0, 10);
const eob = (id: string, more: string): string =>
  `{"resourceType":"ExplanationOfBenefit","id":"${id}",${OF_ANN},"created":"${today}",${more}}`;
const action = (code: string): string =>
  `"adjudication":[{"extension":[{"url":"http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewAction","extension":[{"url":"http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewActionCode","valueCodeableConcept":{"coding":[{"code":"${code}"}]}}]}]}]`;

/** What leaves: none of it, or not all of it. */
const WITHHELD = {
  denied: eob('pa-denied', `"use":"preauthorization",${action('A3')},"claim":{"reference":"Claim/request-denied"}`),
  request: `{"resourceType":"Claim","id":"request-denied",${OF_ANN},"use":"preauthorization","created":"${today}"}`,
  drug: eob('pa-drug', '"use":"preauthorization","type":{"coding":[{"code":"pharmacy"}]}'),
  old: '{"resourceType":"Procedure","id":"old","status":"completed","subject":{"reference":"Patient/ann"},"performedDateTime":"2001-01-01"}',
} as const;
const PATHS = [
  ...['ExplanationOfBenefit/pa-denied', 'Claim/request-denied', 'ExplanationOfBenefit/pa-drug', 'Procedure/old'],
  `Observation/${SENSITIVE}`,
];
const CLAIM = eob(
  'claim',
  `"use":"claim","item":[{"sequence":1,"net":${MONEY},"quantity":{"value":1.10}}],"payment":{"amount":${MONEY}}`,
);
const STRIPPED = '"use":"claim","item":[{"sequence":1,"quantity":{"value":1.10}}]}';

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  for (const text of [...Object.values(WITHHELD), CLAIM, eob('pa', `"use":"preauthorization",${action('A1')}`)]) {
    await createResource(payer.fhir, text);
  }
  partner = await bulkClient(payer, 'new-payer');
  operator = await bulkClient(payer, 'operator', 'system/*.cruds carryover.admin');
  await partner.post('Patient/$member-match', matchBody());
  manifest = await partner.exported('Patient/ann/$export');
});

afterAll(() => payer.stop());

const bundleIds = async (client: BulkClient, path: string): Promise<string[]> => {
  const { entry = [] } = (await (await client.get(path)).json()) as { entry?: { resource: { id: string } }[] };
  return entry.map(({ resource }) => resource.id).sort();
};

describe('S18: inside a type a partner gets what it may, and no more', () => {
  it('has no denied and no drug authorization, no request of a denied one, nothing older than the look-back in an export', async () => {
    const ids = idsOf(await partner.lines(manifest));
    for (const path of PATHS) expect(ids).not.toContain(path.split('/')[1]);
    expect(ids).toEqual(expect.arrayContaining(['pa', 'claim']));
  });

  it('gets the same by read, by history and by search', async () => {
    for (const path of PATHS) {
      expect([path, (await partner.get(path)).status]).toEqual([path, 404]);
      expect([path, (await partner.get(`${path}/_history`)).status]).toEqual([path, 404]);
      expect((await operator.get(path)).status).toBe(200);
    }
    expect(await bundleIds(partner, 'ExplanationOfBenefit?patient=ann')).toEqual(['claim', 'pa']);
    expect(await bundleIds(partner, 'Claim?patient=ann')).toEqual([]);
  });

  it('gets claims without amounts, every other byte as it is, by export, read and batch', async () => {
    const [line] = (await partner.lines(manifest, 'ExplanationOfBenefit')).filter((each) => each.includes('"claim"'));
    expect(line?.endsWith(STRIPPED)).toBe(true);
    expect(await (await partner.get('ExplanationOfBenefit/claim')).text()).toBe(line);
    const entry = [{ request: { method: 'GET', url: 'ExplanationOfBenefit/claim' } }];
    const batch = await partner.post('', JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }));
    expect(await batch.text()).toContain(line);
    expect(await (await operator.get('ExplanationOfBenefit/claim')).text()).toContain(MONEY);
  });

  it('is told by no count, no link and no manifest that something was withheld', async () => {
    const page = (await (await partner.get('ExplanationOfBenefit?patient=ann&_count=2')).json()) as {
      total: number;
      link: { relation: string }[];
    };
    expect([page.total, page.link.map(({ relation }) => relation)]).toEqual([2, ['self']]);
    expect(manifest.error).toEqual([]);
    expect(JSON.stringify(manifest)).not.toMatch(/Claim|withheld|Procedure/);
  });

  it('fills a page from behind what is withheld', async () => {
    const first = (await (await partner.get('ExplanationOfBenefit?patient=ann&_count=1')).json()) as {
      entry: unknown[];
      link: { relation: string; url: string }[];
    };
    const next = first.link.find(({ relation }) => relation === 'next')?.url ?? '';
    expect(first.entry).toHaveLength(1);
    expect(await bundleIds(partner, next)).toEqual(['pa']);
  });

  it('does not bind the operator, whose export has everything', async () => {
    const whole = await operator.exported('Patient/ann/$export');
    const ids = idsOf(await operator.lines(whole));
    for (const path of PATHS) expect(ids).toContain(path.split('/')[1]);
  });
});

describe('what is withheld', () => {
  it('is counted for the operator by type and reason, on the export', async () => {
    const [job] = await payer.jobs.newest(1, 'new-payer');
    expect(job?.withheld).toEqual({
      Claim: { 'denied-authorization': 1 },
      ExplanationOfBenefit: { 'denied-authorization': 1, 'drug-authorization': 1, financial: 1 },
      Observation: { sensitive: 1 },
      Procedure: { 'look-back': 1 },
    });
  });

  it('is counted in the metrics, of reads too, without a word of the record', async () => {
    const countOf = (): number => Number(/reason="sensitive"} (\d+)/.exec(payer.withheld.text())?.[1]);
    const before = countOf();
    await partner.get(`Observation/${SENSITIVE}`);
    expect(countOf()).toBeGreaterThan(before);
    expect(payer.withheld.text()).not.toMatch(/ann|obs-/);
  });

  it('counts of an increment what is new alone, and of types that were asked for', async () => {
    await partner.exported(`Patient/ann/$export?_since=${manifest.transactionTime}`);
    expect((await payer.jobs.newest(1, 'new-payer'))[0]?.withheld).toEqual({});
    await partner.exported('Patient/ann/$export?_type=Procedure');
    expect((await payer.jobs.newest(1, 'new-payer'))[0]?.withheld).toEqual({ Procedure: { 'look-back': 1 } });
  });
});

describe('the request of an export', () => {
  it('is sealed at rest: it may name a member', async () => {
    expect(manifest.request).toBe(`${payer.url}/Patient/ann/$export`);
    const { rows } = await payer.pool.query<{ request: Buffer }>('SELECT request FROM export_job');
    expect(rows.length).toBeGreaterThan(0);
    for (const { request } of rows) expect(request.toString('latin1')).not.toMatch(/Patient|ann|export/);
  });
});
