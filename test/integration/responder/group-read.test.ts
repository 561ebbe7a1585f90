import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Group } from 'fhir/r4.js';
import { bulkClient, codeOf } from '../../support/bulk-client.ts';
import type { BulkClient } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
/** Has an Organization here, and has matched Ann. */
let partner: BulkClient;
/** Has none, and has matched nobody. */
let stranger: BulkClient;

const member = (id: string): string =>
  `{"entity":{"reference":"Patient/${id}"},"extension":[{"url":"urn:x","valueReference":{"reference":"#beth"}}]}`;
const BOTH = `"member":[${member('beth')},${member('ann')}]`;
const THEIRS = '"managingEntity":{"reference":"Organization/new-payer-org"},';
const MATCHED = '{"code":{"coding":[{"system":"urn:codes","code":"match"}]}';
const group = (id: string, more: string): string =>
  `{"resourceType":"Group","id":"${id}","type":"person","actual":true,${more}}`;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  const narrative = '"text":{"status":"generated","div":"<div>Beth</div>"},"quantity":2,"name":"Matched",';
  const contained =
    '"contained":[{"resourceType":"Patient","id":"beth"}],"extension":[{"url":"u","valueString":"Beth"}],';
  const about = `${MATCHED},"valueReference":{"reference":"Patient/beth"},"exclude":false}`;
  const whom = `${MATCHED},"valueReference":{"reference":"Organization/new-payer-org"},"exclude":false}`;
  const groups = [
    group('theirs', `${THEIRS}${narrative}${contained}"characteristic":[${about},${whom}],${BOTH}`),
    group('of-beth', `${THEIRS}"member":[${member('beth')}]`),
    group('nobodys', BOTH),
    group('for-hospital', `"managingEntity":{"reference":"Organization/hospital"},${BOTH}`),
    group('for-unknown', `"managingEntity":{"identifier":{"system":"urn:x","value":"who"}},${BOTH}`),
  ];
  for (const text of groups) await createResource(payer.fhir, text);
  partner = await bulkClient(payer, 'new-payer');
  stranger = await bulkClient(payer, 'stranger');
  const answer = await partner.post('Patient/$member-match', matchBody());
  if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
}, 60_000);

afterAll(() => payer.stop());

const found = async (client: BulkClient, query: string): Promise<(string | undefined)[]> =>
  ((await (await client.get(`Group${query}`)).json()) as Bundle).entry?.map(({ resource }) => resource?.id) ?? [];

describe('S10: a partner', () => {
  it('reads the Group that names it with the members whom it has matched, and nothing that tells of others', async () => {
    const answer = await partner.get('Group/theirs');
    const text = await answer.text();
    expect([answer.status, text.match(/beth|quantity|extension/i)]).toEqual([200, null]);
    expect(JSON.parse(text)).toMatchObject({
      name: 'Matched',
      member: [{ entity: { reference: 'Patient/ann' } }],
      characteristic: [{ valueReference: { reference: 'Organization/new-payer-org' } }],
    });
  });

  it.each(['', '/_history/1', '/_history'])('reads no other Group%s', async (suffix) => {
    for (const id of ['nobodys', 'for-hospital', 'for-unknown', 'none']) {
      const answer = await partner.get(`Group/${id}${suffix}`);
      expect([id, answer.status, await codeOf(answer)]).toEqual([id, 404, 'not-found']);
    }
    expect((await stranger.get(`Group/theirs${suffix}`)).status).toBe(404);
  });

  it.each([
    '',
    '?_id=theirs,of-beth,nobodys,for-hospital',
    '?code:missing=true',
    '?characteristic=urn:codes|match&_id=theirs,of-beth',
    '?characteristic-value-reference=Organization/new-payer-org',
    '?_sort=-_lastUpdated',
  ])('finds its own Groups alone: Group%s', async (query) => {
    const own = query.includes('characteristic') ? ['theirs'] : ['of-beth', 'theirs'];
    expect([...(await found(partner, query))].sort()).toEqual(own);
    expect(await found(stranger, query)).toEqual([]);
  });

  it('learns from no search who else belongs to its Group', async () => {
    expect(await found(partner, '?member=Patient/ann')).toEqual(['theirs']);
    expect(await found(partner, '?member=Patient/beth')).toEqual([]);
    expect(await found(partner, '?characteristic-value-reference=Patient/beth')).toEqual([]);
    const bundle = await (await partner.get('Group?_id=theirs,of-beth&_include=Group:member')).text();
    expect([bundle.includes('"id":"ann"'), bundle.includes('"id":"beth"')]).toEqual([true, false]);
  });

  it('turns the pages of its Groups, one by one', async () => {
    const first = (await (await partner.get('Group?_count=1')).json()) as Bundle<Group>;
    const next = first.link?.find(({ relation }) => relation === 'next')?.url ?? '';
    const second = (await (await partner.get(next)).json()) as Bundle<Group>;
    const ids = [...(first.entry ?? []), ...(second.entry ?? [])].map(({ resource }) => resource?.id);
    expect([ids, second.link?.some(({ relation }) => relation === 'next')]).toEqual([['of-beth', 'theirs'], false]);
  });

  it('needs a token that covers Group', async () => {
    const narrow = await bulkClient(payer, 'new-payer', 'system/Patient.rs');
    expect((await narrow.get('Group/theirs')).status).toBe(403);
    expect((await narrow.get('Group?_id=theirs')).status).toBe(403);
  });

  it('sees nobody in it any more once no consent is in force', async () => {
    await payer.matches.withdraw('ann', 'new-payer');
    const text = await (await partner.get('Group/theirs')).text();
    expect([text.includes('"id":"theirs"'), text.includes('member')]).toEqual([true, false]);
  });
});
