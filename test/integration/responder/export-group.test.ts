import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperationOutcome } from 'fhir/r4.js';
import { bulkClient, codeOf, idsOf } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
/** Has an Organization here, and has matched Ann. */
let partner: BulkClient;
/** Has none, and has matched nobody. */
let stranger: BulkClient;

const PDEX = 'hl7.fhir.us.davinci-pdex#payertopayer';
const member = (id: string, more = ''): string => `{"entity":{"reference":"Patient/${id}"}${more}}`;
const group = (id: string, members: readonly string[], more = ''): string =>
  `{"resourceType":"Group","id":"${id}","type":"person","actual":true,${more}"member":[${members.join(',')}]}`;
const characteristic = (reference: string, more = ''): string =>
  `"characteristic":[{"code":{"text":"match"},"valueReference":${reference},"exclude":false${more}}],`;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  const both = [member('ann'), member('beth')];
  const us = '"managingEntity":{"reference":"Organization/own"},';
  const groups = [
    group('both', both),
    group('nobodys', [member('beth')]),
    '{"resourceType":"Group","id":"empty","type":"person","actual":true}',
    group('left', [member('beth'), member('ann', ',"inactive":true')]),
    group('past', [member('beth'), member('ann', ',"period":{"end":"2020-01-01"}')]),
    group('ours', both, us),
    group('theirs', both, '"managingEntity":{"reference":"Organization/new-payer-org"},'),
    group('matched-for-them', both, us + characteristic('{"reference":"Organization/new-payer-org"}')),
    group(
      'their-number',
      both,
      us + characteristic('{"identifier":{"system":"http://example.org/payers","value":"requesting"}}'),
    ),
    group('for-hospital', both, '"managingEntity":{"reference":"Organization/hospital"},'),
    group('for-unknown', both, us + characteristic('{"identifier":{"system":"urn:x","value":"who"}}')),
    group('numbered-for-them', both, '"identifier":[{"system":"http://example.org/payers","value":"requesting"}],'),
  ];
  for (const text of groups) await createResource(payer.fhir, text);
  partner = await bulkClient(payer, 'new-payer');
  stranger = await bulkClient(payer, 'stranger');
  const answer = await partner.post('Patient/$member-match', matchBody());
  if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
}, 60_000);

afterAll(() => payer.stop());

const posted = async (path: string, parameter: readonly object[]): Promise<Response> =>
  partner.post(path, JSON.stringify({ resourceType: 'Parameters', parameter }));

async function finished(kickOff: Response): Promise<Manifest> {
  if (kickOff.status !== 202) throw new Error(`${kickOff.status} ${await kickOff.text()}`);
  return (await (await partner.complete(kickOff.headers.get('content-location') ?? '')).json()) as Manifest;
}

describe("an export of a Group's members", () => {
  it.each(['Group/both/$export', 'Group/both/$davinci-data-export'])(
    'by GET of %s has those alone whom the partner matched',
    async (path) => {
      const manifest = await partner.exported(`${path}?_type=Patient&origin=native`);
      expect(idsOf(await partner.lines(manifest))).toEqual(['ann']);
      expect(manifest.request).toBe(`${payer.url}/${path}?_type=Patient&origin=native`);
    },
  );

  it('has both compartments of a member, and what they refer to', async () => {
    const grouped = await partner.exported('Group/both/$export');
    const single = await partner.exported('Patient/ann/$export');
    const without = async (manifest: Manifest): Promise<readonly string[]> =>
      idsOf(
        (await partner.lines(manifest)).filter(
          (line) => !line.includes('"Provenance","id"') || line.includes('"id":"prov-ann"'),
        ),
      );
    expect(await without(grouped)).toEqual(await without(single));
  });

  it('names no other member in any of its files', async () => {
    expect((await partner.lines(await partner.exported('Group/both/$export'))).join('\n')).not.toMatch(/beth/i);
  });

  it('of nobody whom the partner matched is refused, whoever they are', async () => {
    for (const id of ['nobodys', 'left', 'past']) {
      const answer = await partner.get(`Group/${id}/$export`);
      expect([id, answer.status, await codeOf(answer)]).toEqual([id, 403, 'consent-withdrawn']);
    }
  });

  it('of an empty Group is an empty export', async () => {
    const manifest = await partner.exported('Group/empty/$export');
    expect([manifest.output, manifest.error]).toEqual([[], []]);
  });

  it('has everybody for the operator', async () => {
    const operator = await bulkClient(payer, 'operator', 'system/*.cruds carryover.admin');
    const manifest = await operator.exported('Group/both/$export?_type=Patient&origin=native');
    expect(idsOf(await operator.lines(manifest))).toEqual(['ann', 'beth']);
  });

  it('needs a token that covers Group or Patient', async () => {
    const statusOf = async (scope: string): Promise<number> =>
      (await (await bulkClient(payer, 'new-payer', scope)).get('Group/both/$export')).status;
    expect(await statusOf('system/Observation.rs')).toBe(403);
    expect(await statusOf('system/Observation.rs system/Patient.rs')).toBe(202);
    expect(await statusOf('system/Group.rs')).toBe(202);
  });
});

describe('S10: a Group', () => {
  it.each(['ours', 'theirs', 'matched-for-them', 'their-number', 'numbered-for-them'])(
    '%s, that names this payer or none but us, is there for it',
    async (id) => {
      expect((await partner.get(`Group/${id}/$export`)).status).toBe(202);
    },
  );

  it.each(['for-hospital', 'for-unknown', 'no-such-group'])(
    '%s, that names another payer, is not there',
    async (id) => {
      const answer = await partner.get(`Group/${id}/$export`);
      expect([answer.status, await codeOf(answer)]).toEqual([404, 'not-found']);
    },
  );

  it('of another payer is not there for one who has no Organization here', async () => {
    expect((await stranger.get('Group/theirs/$davinci-data-export')).status).toBe(404);
  });
});

describe('$davinci-data-export', () => {
  const path = 'Group/both/$davinci-data-export';

  it('takes its parameters as a posted Parameters resource', async () => {
    const manifest = await finished(
      await posted(path, [
        { name: 'exportType', valueCanonical: PDEX },
        { name: '_since', valueInstant: '2020-01-01T00:00:00Z' },
        { name: '_until', valueInstant: '2100-01-01T00:00:00Z' },
        { name: '_type', valueString: 'Patient,Encounter' },
        { name: '_typeFilter', valueString: 'Patient?_id=ann' },
      ]),
    );
    expect(idsOf(await partner.lines(manifest))).toEqual(['ann', 'enc-ann']);
  });

  it.each([PDEX, `${PDEX}|2.2.0`, 'hl7.fhir.us.davinci-pdex.p2p'])('of exportType %s is begun', async (type) => {
    expect((await partner.get(`${path}?exportType=${encodeURIComponent(type)}&_type=Patient`)).status).toBe(202);
  });

  it.each(['hl7.fhir.us.davinci-atr', 'hl7.fhir.us.davinci-pdex#provider', ''])(
    'of exportType %j is refused by its name',
    async (type) => {
      const answer = await partner.get(`${path}?exportType=${encodeURIComponent(type)}`, {
        prefer: 'handling=lenient',
      });
      expect(answer.status).toBe(400);
      expect(await answer.text()).toMatch(/not-supported.*exportType/);
    },
  );

  it('passes over references that name nobody of it, with an OperationOutcome for each', async () => {
    const named = ['beth', 'ann', 'nobody'].map((id) => ({
      name: 'patient',
      valueReference: { reference: `Patient/${id}` },
    }));
    const manifest = await finished(await posted(path, [...named, { name: '_type', valueString: 'Patient' }]));
    const outcomes = await partner.listed<OperationOutcome>(manifest.error);
    expect(idsOf(await partner.lines(manifest, 'Patient'))).toContain('ann');
    expect(outcomes.map(({ issue }) => issue[0]?.expression)).toEqual([
      ["Parameters.parameter.where(name = 'patient')[0]"],
      ["Parameters.parameter.where(name = 'patient')[2]"],
    ]);
    // One who is a member and one whom nobody knows are answered alike.
    expect(new Set(outcomes.map(({ issue }) => issue[0]?.diagnostics)).size).toBe(1);
    expect(JSON.stringify(outcomes)).not.toMatch(/beth|nobody/);
  });

  it('of $export refuses such a reference', async () => {
    expect((await partner.get('Group/both/$export?patient=Patient/beth&patient=Patient/ann')).status).toBe(403);
  });
});

describe('S11: consent is looked at again when a Group is exported', () => {
  it('leaves out a member whose consent has ended, and keeps the others', async () => {
    const two = await bulkClient(payer, 'two');
    for (const body of [matchBody(), matchBody({ given: 'Beth', number: 'M-beth' })]) {
      expect((await two.post('Patient/$member-match', body)).status).toBe(200);
    }
    const before = await two.exported('Group/both/$export?_type=Observation');
    expect(idsOf(await two.lines(before))).toContain('obs-beth');
    await payer.matches.withdraw('beth', 'two');
    const after = await two.exported('Group/both/$export?_type=Observation');
    expect(idsOf(await two.lines(after))).not.toContain('obs-beth');
    expect(idsOf(await two.lines(after))).toContain('obs-0');
  });

  it('closes the files that hold records of one whose consent has ended, and no others', async () => {
    const two = await bulkClient(payer, 'closing');
    for (const body of [matchBody(), matchBody({ given: 'Beth', number: 'M-beth' })]) {
      expect((await two.post('Patient/$member-match', body)).status).toBe(200);
    }
    const status = await two.kickOff('Group/both/$export?_type=Observation,Practitioner');
    const { output } = (await (await two.complete(status)).json()) as Manifest;
    await payer.matches.withdraw('beth', 'closing');
    const statuses: number[] = [];
    for (const { url } of output) statuses.push((await two.get(url)).status);
    expect([...new Set(statuses)].sort()).toEqual([200, 403]);
    expect((await two.get(status)).status).toBe(200);
    await payer.matches.withdraw('ann', 'closing');
    expect((await two.get(status)).status).toBe(403);
    // That of the Practitioners as well, which holds records of nobody.
    for (const { url } of output) expect([url, (await two.get(url)).status]).toEqual([url, 403]);
  });

  it('ends an export of a Group that has lost its last member before it began', async () => {
    const losing = await bulkClient(payer, 'losing');
    await losing.post('Patient/$member-match', matchBody());
    await payer.pause();
    const status = await losing.kickOff('Group/both/$export');
    await payer.matches.withdraw('ann', 'losing');
    await payer.resume();
    const answer = await losing.complete(status);
    expect([answer.status, await codeOf(answer)]).toEqual([403, 'consent-withdrawn']);
  });
});

describe('S19: status and files of a Group export', () => {
  it('are closed without a token, and not there for another partner', async () => {
    const status = await partner.kickOff('Group/both/$export?_type=Patient');
    const { output } = (await (await partner.complete(status)).json()) as Manifest;
    for (const url of [status, output[0]?.url ?? '']) {
      expect((await fetch(url)).status).toBe(401);
      expect((await stranger.get(url)).status).toBe(404);
    }
  });

  it('need the token, as the manifest says', async () => {
    expect((await partner.exported('Group/both/$davinci-data-export?_type=Patient')).requiresAccessToken).toBe(true);
  });
});
