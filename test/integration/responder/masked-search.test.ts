import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { bulkClient } from '../../support/bulk-client.ts';
import type { BulkClient } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
let partner: BulkClient;
let operator: BulkClient;

beforeAll(async () => {
  payer = await startRespondingPayer({
    // Conditions go without what they are, and to whom they were told.
    seeResource: ({ caller }, resource) => {
      if (caller === 'operator' || resource['resourceType'] !== 'Condition') return Promise.resolve('proceed');
      const { resourceType, id, subject } = resource;
      return Promise.resolve({ resourceType, id, subject });
    },
  });
  await loadMembers(payer);
  const coding = '{"coding":[{"system":"icd","code":"F11"}]}';
  await createResource(
    payer.fhir,
    `{"resourceType":"Condition","id":"masked","identifier":[{"value":"C-1"}],"code":${coding},"subject":{"reference":"Patient/ann"},"encounter":{"reference":"Encounter/enc-ann"},"onsetDateTime":"2026-01-01"}`,
  );
  partner = await bulkClient(payer, 'new-payer');
  operator = await bulkClient(payer, 'operator', 'system/*.cruds carryover.admin');
  await partner.post('Patient/$member-match', matchBody());
});

afterAll(() => payer.stop());

const idsAt = async (client: BulkClient, path: string): Promise<readonly string[]> => {
  const answer = await client.get(path);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  const { entry = [] } = (await answer.json()) as { entry?: { resource: { id: string } }[] };
  return entry.map(({ resource }) => resource.id);
};

it.each([
  'Condition?patient=ann&code=icd|F11',
  'Condition?patient=ann&onset-date=2026',
  'Condition?patient=ann&identifier=C-1',
  'Condition?patient=ann&encounter=Encounter/enc-ann',
  'Condition?patient=ann&code:missing=false',
])('S18: a partner does not find by what is masked: %s', async (path) => {
  expect(await idsAt(operator, path)).toEqual(['masked']);
  expect(await idsAt(partner, path)).toEqual([]);
  expect(((await (await partner.get(`${path}&_summary=count`)).json()) as { total: number }).total).toBe(0);
});

it('S18: a partner is led nowhere by what is masked', async () => {
  expect(await idsAt(operator, 'Condition?_id=masked&_include=Condition:encounter')).toEqual(['masked', 'enc-ann']);
  expect(await idsAt(partner, 'Condition?_id=masked&_include=Condition:encounter')).toEqual(['masked']);
  expect(await idsAt(operator, 'Encounter?_id=enc-ann&_revinclude=Condition:encounter')).toEqual(['enc-ann', 'masked']);
  expect(await idsAt(partner, 'Encounter?_id=enc-ann&_revinclude=Condition:encounter')).toEqual(['enc-ann']);
});
