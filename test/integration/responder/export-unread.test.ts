import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReferenceCollector } from '../../../activities/responder/reference-collector.ts';
import { bulkClient, idsOf } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource, forgetMarks, ids } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const META = '"meta":{"profile":["http://example.org/é"]';
const CLINIC = 'Organization/hospital';

/** By id, what stands in a Condition of Ann behind her reference; dates are of long ago, or of the year before this one. */
const [OLD, YOUNG] = ['2001-05-06', `${new Date().getUTCFullYear() - 1}-05-06`];
const CONDITIONS: Readonly<Record<string, string>> = {
  plain: `"recordedDate":"${YOUNG}","asserter":{"reference":"${CLINIC}"}`,
  searched: `"recordedDate":"${YOUNG}","asserter":{"reference":"Practitioner?identifier=${NPI}|1234567893"}`,
  again: `"recordedDate":"${YOUNG}","asserter":{"reference":"Practitioner?identifier=${encodeURIComponent(NPI)}%7C1234567893"},"recorder":{"reference":"Practitioner/doctor"}`,
  ambiguous: `"recordedDate":"${YOUNG}","asserter":{"reference":"Organization?identifier=urn:twins|1"}`,
  dated: `"onsetDateTime":"${OLD}","abatementDateTime":"${YOUNG}"`,
  old: `"abatementDateTime":"${OLD}","asserter":{"reference":"Organization/unrelated"}`,
  labelled: `"recordedDate":"${YOUNG}","note":[{"text":"security"}],"code":{"text":"security"}`,
};
const SHOWN = ['again', 'ambiguous', 'dated', 'labelled', 'plain', 'searched'];
const EXPORT = 'Patient/$export?patient=Patient/ann&_type=Condition,Organization,Practitioner';

let payer: RespondingPayer;
let partner: BulkClient;
let manifest: Manifest;

interface Part {
  readonly ids: readonly string[] | null;
  readonly kept: Buffer | null;
}

const jobId = async (): Promise<string> => (await payer.jobs.newest(1, 'new-payer'))[0]?.id ?? '';
const stored = async (id: string): Promise<string | undefined> => (await payer.fhir.read('Condition', id))?.text;
const urlOf = (type: string): string => manifest.output.find((file) => file.type === type)?.url ?? '';

async function conditionParts(): Promise<readonly Part[]> {
  const { rows } = await payer.pool.query<Part>(
    `SELECT kept, (
       SELECT array_agg(r.id) FROM unnest(pages, records) AS k(page, records) JOIN resource r ON r.page_id = k.page
       WHERE k.records = '' OR r.page_row = ANY (string_to_array(k.records, ' ')::int[])
     ) AS ids FROM export_part WHERE job_id = $1 AND type = 'Condition' ORDER BY "offset"`,
    [await jobId()],
  );
  return rows;
}

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  for (const id of ['twin-1', 'twin-2']) {
    const identifier = '[{"system":"urn:twins","value":"1"}]';
    await createResource(payer.fhir, `{"resourceType":"Organization","id":"${id}","identifier":${identifier}}`);
  }
  for (const [id, more] of Object.entries(CONDITIONS)) {
    const text = `{"resourceType":"Condition","id":"${id}",${META}},"subject":{"reference":"Patient/ann"},${more}}`;
    await createResource(payer.fhir, text);
  }
  partner = await bulkClient(payer, 'new-payer');
  const matched = await partner.post('Patient/$member-match', matchBody());
  if (matched.status !== 200) throw new Error(`match: ${matched.status}`);
  manifest = await partner.exported(EXPORT);
});

afterAll(() => payer.stop());

describe('an export of records that no rule touches', () => {
  it('names their versions, and keeps none of their texts', async () => {
    const parts = await conditionParts();
    expect(parts.flatMap(({ ids }) => ids).sort()).toEqual(SHOWN);
    expect(parts.map(({ kept }) => kept)).toEqual([null]);
  });

  it('gives them as a read does', async () => {
    const expected = await Promise.all(SHOWN.map(stored));
    expect([...(await partner.lines(manifest, 'Condition'))].sort()).toEqual(expected.sort());
  });

  it('has once what they refer to, by id or by an identifier of one, and nothing that a withheld one refers to', async () => {
    expect(idsOf(await partner.lines(manifest, 'Organization'))).toEqual(['hospital']);
    expect(idsOf(await partner.lines(manifest, 'Practitioner'))).toEqual(['doctor']);
  });

  it('counts what the look-back withholds', async () => {
    expect((await payer.jobs.load(await jobId())).withheld).toEqual({ Condition: { 'look-back': 1 } });
  });

  it('is the same of records that were never marked, which are read', async () => {
    await forgetMarks(payer.pool, 'Condition');
    const again = await partner.exported(EXPORT);
    expect((await conditionParts()).map(({ ids }) => ids)).toEqual([null]);
    for (const type of ['Condition', 'Organization', 'Practitioner']) {
      const [now, before] = [await partner.lines(again, type), await partner.lines(manifest, type)];
      expect([...now].sort()).toEqual([...before].sort());
    }
    expect((await payer.jobs.load(await jobId())).withheld).toEqual({ Condition: { 'look-back': 1 } });
  });
});

describe('what unread records refer to', () => {
  const written = async (lists: readonly string[]): Promise<readonly string[]> => {
    const references = new ReferenceCollector(payer.deps, 'listed', 0);
    for (const list of lists) references.addListed(list);
    await references.store();
    const keys = await payer.jobs.references('listed', { depth: 0, after: undefined, limit: 1000 });
    await payer.jobs.forgetReferences('listed', 0);
    return ids(keys);
  };
  const own = 'Practitioner/doctor Location/one';
  const sought = `Organization?urn:twins|1 Practitioner?${NPI}|1234567893`;

  it('is written down of each record', async () => {
    expect(await written(['Location/one', own, own, sought])).toEqual(['Location/one', 'Practitioner/doctor']);
    expect(await written([sought])).toEqual(['Practitioner/doctor']);
  });

  it('is the same of many at once, most of which refer to what the others do', async () => {
    const many = Array.from(
      { length: 500 },
      (_, index) => `Location?urn:none|${index} Location/${index % 3} Location/one`,
    );
    const list = [...many.slice(0, 250), sought, ...many.slice(250)].join(' ');
    const all = ['0', '1', '2', 'one'].map((id) => `Location/${id}`);
    expect(await written([list, list])).toEqual([...all, 'Practitioner/doctor']);
  });
});

describe('a file of such records', () => {
  const plain = { 'accept-encoding': 'identity' };

  it('is the same, and goes on in the middle, when they have changed and gone meanwhile', async () => {
    const before = await partner.get(urlOf('Condition'), plain);
    const etag = before.headers.get('etag') ?? '';
    const whole = Buffer.from(await before.arrayBuffer());
    const text = `{"resourceType":"Condition","id":"plain",${META}},"subject":{"reference":"Patient/ann"}}`;
    await payer.fhir.write([{ kind: 'update', type: 'Condition', id: 'plain', text }]);
    await payer.fhir.write([{ kind: 'delete', type: 'Condition', id: 'dated' }]);
    const after = await partner.get(urlOf('Condition'), plain);
    expect(after.headers.get('etag')).toBe(etag);
    expect(Buffer.from(await after.arrayBuffer()).equals(whole)).toBe(true);
    const range = { ...plain, range: `bytes=${whole.indexOf('é') + 1}-`, 'if-range': etag };
    const rest = await partner.get(urlOf('Condition'), range);
    expect(rest.status).toBe(206);
    expect(Buffer.from(await rest.arrayBuffer()).equals(whole.subarray(whole.indexOf('é') + 1))).toBe(true);
  });

  it.each(['identity', 'gzip'])(
    'is unavailable where a record is gone, instead of ending short: %s',
    async (encoding) => {
      await payer.pool.query(`DELETE FROM resource WHERE type = 'Condition' AND id = 'searched'`);
      expect((await partner.get(urlOf('Condition'), { 'accept-encoding': encoding })).status).toBe(503);
    },
  );
});
