import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulkClient, codeOf } from '../../support/bulk-client.ts';
import type { BulkClient } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { IMPORTED, loadMembers, matchBody, OBSERVATIONS, SENSITIVE } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

interface Entry {
  readonly fullUrl?: string;
  readonly resource: {
    readonly resourceType: string;
    readonly id: string;
    readonly target?: readonly { readonly reference: string }[];
  };
  readonly search: { readonly mode: string };
}
interface Bundle {
  readonly total?: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly Entry[];
}

let payer: RespondingPayer;
let partner: BulkClient;
let stranger: BulkClient;
let operator: BulkClient;

const today = new Date().toISOString().slice(0, 10);

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  await createResource(payer.fhir, '{"resourceType":"Device","id":"scanner","type":{"text":"CT"}}');
  await createResource(
    payer.fhir,
    `{"resourceType":"Procedure","id":"recent","status":"completed","subject":{"reference":"Patient/ann"},"performedDateTime":"${today}","focalDevice":[{"manipulated":{"reference":"Device/scanner"}}]}`,
  );
  await createResource(
    payer.fhir,
    '{"resourceType":"Procedure","id":"lastyear","status":"completed","subject":{"reference":"Patient/ann"},"performedPeriod":{"start":"2025-05-01","end":"2025-05-03"}}',
  );
  partner = await bulkClient(payer, 'new-payer');
  stranger = await bulkClient(payer, 'another-payer');
  operator = await bulkClient(payer, 'operator', 'system/*.cruds carryover.admin');
  await partner.post('Patient/$member-match', matchBody());
});

afterAll(() => payer.stop());

const bundleAt = async (client: BulkClient, url: string): Promise<Bundle> => {
  const answer = await client.get(url);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Bundle;
};
const keysOf = ({ entry = [] }: Bundle, mode?: string): string[] =>
  entry
    .filter(({ search }) => mode === undefined || search.mode === mode)
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`);
const stored = (bundle: Bundle): string[] => keysOf(bundle).filter((key) => !TRANSMITTED.test(key));
/** Ids of Provenances that are made for the answer. */
const TRANSMITTED = /^Provenance\/(?!prov-)/;
const all = 'Patient/ann/$everything';

async function pages(
  client: BulkClient,
  url: string,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<string[]> {
  const found: string[] = [];
  for (let next: string | undefined = url; next !== undefined;) {
    const bundle: Bundle = await bundleAt(client, next);
    found.push(...stored(bundle));
    next = bundle.link.find(({ relation }) => relation === 'next')?.url;
    if (next !== undefined) await between();
  }
  return found;
}

describe('S15: $everything', () => {
  it('holds both compartments of the member, whichever of them is named', async () => {
    const bundle = await bundleAt(partner, all);
    const matches = keysOf(bundle, 'match');
    expect(matches).toEqual(
      expect.arrayContaining([
        'Patient/ann',
        `Patient/${IMPORTED.patient}`,
        `Observation/${IMPORTED.observation}`,
        'Encounter/enc-ann',
      ]),
    );
    expect(matches.filter((key) => key.startsWith('Observation/obs-'))).toHaveLength(OBSERVATIONS);
    expect(bundle.total).toBe(matches.length);
    expect(stored(await bundleAt(partner, `Patient/${IMPORTED.patient}/$everything`))).toEqual(stored(bundle));
  });

  it('holds what the records refer to, step by step and by identifiers, and nothing else that belongs to nobody', async () => {
    const shared = keysOf(await bundleAt(partner, all), 'include').filter((key) => !TRANSMITTED.test(key));
    expect(shared).toEqual(['Device/scanner', 'Organization/hospital', 'Practitioner/doctor', 'PractitionerRole/role']);
  });

  it.each([
    ['origin=native', 'Observation/obs-0', `Observation/${IMPORTED.observation}`],
    ['origin=imported', `Observation/${IMPORTED.observation}`, 'Observation/obs-0'],
  ])('narrows by %s', async (query, present, absent) => {
    const keys = stored(await bundleAt(partner, `${all}?${query}`));
    expect([keys.includes(present), keys.includes(absent)]).toEqual([true, false]);
  });

  it('narrows to types, shared ones as well', async () => {
    expect(stored(await bundleAt(partner, `${all}?_type=Encounter,Practitioner`))).toEqual([
      'Encounter/enc-ann',
      'Practitioner/doctor',
    ]);
    expect(stored(await bundleAt(partner, `${all}?_type=Organization`))).toEqual(['Organization/hospital']);
  });

  it('narrows to what has changed since', async () => {
    const instant = ((await (await operator.get('Procedure/lastyear')).json()) as { meta: { lastUpdated: string } })
      .meta.lastUpdated;
    expect(stored(await bundleAt(partner, `${all}?_since=${instant}`))).toEqual([]);
    await createResource(
      payer.fhir,
      '{"resourceType":"Condition","id":"since","subject":{"reference":"Patient/ann"},"recorder":{"reference":"Practitioner/doctor"}}',
    );
    expect(stored(await bundleAt(partner, `${all}?_since=${instant}`))).toEqual(['Condition/since']);
  });

  it('narrows to dates of care, and leaves what is undated', async () => {
    const keys = stored(await bundleAt(partner, `${all}?start=2025-05-02&end=2025-06`));
    expect([
      keys.includes('Procedure/lastyear'),
      keys.includes('Procedure/recent'),
      keys.includes('Patient/ann'),
    ]).toEqual([true, false, true]);
    expect(keys).not.toContain('Device/scanner');
    expect(stored(await bundleAt(partner, `${all}?start=${today}`))).not.toContain('Procedure/lastyear');
  });

  it('gives each record once on its pages although others write meanwhile', async () => {
    const whole = stored(await bundleAt(partner, all));
    let written = 0;
    const found = await pages(partner, `${all}?_count=7`, async () => {
      written += 1;
      await createResource(
        payer.fhir,
        `{"resourceType":"Observation","id":"during-${written}","status":"final","subject":{"reference":"Patient/ann"}}`,
      );
      await payer.fhir.write([
        {
          kind: 'update',
          type: 'Organization',
          id: 'hospital',
          text: `{"resourceType":"Organization","id":"hospital","name":"${written}"}`,
        },
      ]);
    });
    expect(written).toBeGreaterThan(3);
    expect(found).toEqual(whole);
  });

  it('is asked for by POST as well, with Parameters', async () => {
    const parameter = [
      { name: '_type', valueString: 'Encounter' },
      { name: '_count', valueInteger: 1 },
    ];
    const answer = await partner.post(all, JSON.stringify({ resourceType: 'Parameters', parameter }));
    expect(stored((await answer.json()) as Bundle)).toEqual(['Encounter/enc-ann']);
    expect((await partner.post(all)).status).toBe(200);
  });

  it.each(['_count=0', '_since=now', '_type=Nothing', 'start=x', 'origin=theirs', '_page=x', '_count=1&_count=2'])(
    'is refused: %s',
    async (query) => {
      const answer = await partner.get(`${all}?${query}`);
      expect([answer.status, await codeOf(answer)]).toEqual([400, 'request-invalid']);
    },
  );

  it('tells what it did not apply, or refuses it when handling is strict', async () => {
    expect(keysOf(await bundleAt(partner, `${all}?made-up=1`), 'outcome')).toHaveLength(1);
    const strict = await partner.get(`${all}?made-up=1`, { prefer: 'handling=strict' });
    expect([strict.status, await codeOf(strict)]).toEqual([400, 'not-supported']);
  });
});

describe('S17: Provenance with $everything', () => {
  it('names us as transmitter of every record that a page holds, and comes again the same', async () => {
    const bundle = await bundleAt(partner, `${all}?_count=5`);
    const made = (bundle.entry ?? []).filter(
      ({ resource }) => TRANSMITTED.test(`Provenance/${resource.id}`) && resource.resourceType === 'Provenance',
    );
    expect(made).toHaveLength(1);
    expect(made[0]?.resource.target?.map(({ reference }) => reference)).toEqual(stored(bundle).sort());
    expect(JSON.stringify(made)).toContain('"Organization/own"');
    expect(await bundleAt(partner, `${all}?_count=5`)).toEqual(bundle);
  });

  it('holds the Provenances that the member has', async () => {
    expect(keysOf(await bundleAt(partner, all), 'match')).toContain('Provenance/prov-ann');
  });

  it('is not made where Provenance is not asked for, nor for the operator', async () => {
    expect(keysOf(await bundleAt(partner, `${all}?_type=Encounter`))).toEqual(['Encounter/enc-ann']);
    expect(keysOf(await bundleAt(operator, all)).filter((key) => TRANSMITTED.test(key))).toEqual([]);
  });
});

describe('S18: $everything', () => {
  it('has nothing of what the consent withholds, and no evidence', async () => {
    const keys = stored(await bundleAt(partner, all));
    expect(keys).not.toContain(`Observation/${SENSITIVE}`);
    expect(keys).not.toContain(`DocumentReference/${IMPORTED.evidence}`);
    expect(stored(await bundleAt(operator, all))).toContain(`Observation/${SENSITIVE}`);
  });

  it('has nothing of another member, and no Group that lists others', async () => {
    const text = JSON.stringify(await bundleAt(partner, all));
    expect(text).not.toContain('obs-beth');
    expect(text).not.toContain('"resourceType":"Group"');
  });

  it('is as unknown for a member who was not matched as for nobody', async () => {
    for (const [client, path] of [
      [partner, 'Patient/beth/$everything'],
      [stranger, all],
      [partner, 'Patient/nobody/$everything'],
    ] as const) {
      const answer = await client.get(path);
      expect([path, answer.status, await codeOf(answer)]).toEqual([path, 404, 'not-found']);
    }
  });

  it('ends with the consent, in the middle of its pages too', async () => {
    await partner.post('Patient/$member-match', matchBody({ given: 'Beth', number: 'M-beth' }));
    const first = await bundleAt(partner, 'Patient/beth/$everything?_count=1');
    const next = first.link.find(({ relation }) => relation === 'next')?.url ?? '';
    await payer.matches.withdraw('beth', 'new-payer');
    expect((await partner.get(next)).status).toBe(404);
  });

  it('needs a scope for each type that is named, and holds those alone that the token covers', async () => {
    const narrow = await bulkClient(payer, 'new-payer', 'system/Patient.rs system/Encounter.rs');
    expect(stored(await bundleAt(narrow, all))).toEqual([
      'Encounter/enc-ann',
      'Patient/ann',
      `Patient/${IMPORTED.patient}`,
    ]);
    expect((await narrow.get(`${all}?_type=Observation`)).status).toBe(403);
  });
});
