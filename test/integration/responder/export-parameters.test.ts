import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Observation, OperationOutcome } from 'fhir/r4.js';
import { bulkClient, codeOf, idsOf } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { IMPORTED, loadMembers, matchBody, OBSERVATIONS } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
let partner: BulkClient;

const claim = (id: string, more: string): string =>
  `{"resourceType":"ExplanationOfBenefit","id":"${id}","status":"active","use":"claim","patient":{"reference":"Patient/ann"},${more}}`;
const lab = (id: string, code: string, date: string, status = 'final'): string =>
  `{"resourceType":"Observation","id":"${id}","status":"${status}","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"${code}"}]},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"${date}","valueQuantity":{"value":7.10}}`;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  const texts = [
    lab('lab-old', '1-8', '2024-05-01'),
    lab('lab-new', '1-8', '2026-05-01'),
    lab('lab-other', '2-8', '2026-05-01', 'amended'),
    claim('eob-2024', '"billablePeriod":{"start":"2024-03-01","end":"2024-03-02"}'),
    claim('eob-2026', '"billablePeriod":{"start":"2026-03-01","end":"2026-03-02"}'),
    // Older than the five years of the look-back, and loaded just now.
    claim('eob-2010', '"billablePeriod":{"start":"2010-03-01","end":"2010-03-02"}'),
  ];
  for (const text of texts) await createResource(payer.fhir, text);
  partner = await bulkClient(payer, 'new-payer');
  const answer = await partner.post('Patient/$member-match', matchBody());
  if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
}, 60_000);

afterAll(() => payer.stop());

const query = (parameters: Readonly<Record<string, string | readonly string[]>>): string => {
  const search = new URLSearchParams();
  for (const [name, values] of Object.entries(parameters))
    for (const value of [values].flat()) search.append(name, value);
  return `Patient/ann/$export?${search.toString()}`;
};
const exportedIds = async (parameters: Parameters<typeof query>[0]): Promise<readonly string[]> =>
  idsOf(await partner.lines(await partner.exported(query({ _type: 'Observation', ...parameters }))));

describe('S14: _typeFilter', () => {
  it.each([
    [['Observation?category=laboratory'], ['lab-new', 'lab-old', 'lab-other']],
    [['Observation?category=laboratory&status=final'], ['lab-new', 'lab-old']],
    [
      ['Observation?code=http://loinc.org|2-8', 'Observation?date=lt2025-01-01'],
      ['lab-old', 'lab-other'],
    ],
    [['Observation?code=1-8,2-8&date=ge2026'], ['lab-new', 'lab-other']],
    [['Observation?code=1-8&date=ge2026,Observation?status=amended'], ['lab-new', 'lab-other']],
    [['Observation?date=ge2030'], []],
  ])('%j lets %j through', async (_typeFilter, ids) => {
    expect(await exportedIds({ _typeFilter })).toEqual(ids);
  });

  it('narrows its own type alone', async () => {
    const ids = await exportedIds({ _type: 'Observation,Encounter', _typeFilter: 'Observation?_id=lab-old' });
    expect(ids).toEqual(['enc-ann', 'lab-old']);
  });

  it('narrows what belongs to no member, too', async () => {
    const ids = await exportedIds({ _type: 'Organization', _typeFilter: 'Organization?name=hosp' });
    expect(ids).toEqual(['hospital']);
  });

  it.each([
    'Observation?code-value-quantity=1',
    'Observation?code:above=1',
    'Observation?_sort=date',
    'Patient?_has:Observation:patient:code=1',
  ])('%s is refused by its name, also where the client is lenient', async (_typeFilter) => {
    const path = query({ _typeFilter });
    for (const prefer of ['respond-async', 'respond-async, handling=lenient']) {
      const answer = await partner.get(path, { prefer });
      expect([answer.status, await codeOf(answer)]).toEqual([400, 'not-supported']);
    }
    expect(await (await partner.get(path)).text()).toContain('_typeFilter');
  });

  it('of a type that _type does not name is refused', async () => {
    const answer = await partner.get(query({ _type: 'Encounter', _typeFilter: 'Observation?status=final' }));
    expect([answer.status, await codeOf(answer)]).toEqual([400, 'request-invalid']);
  });
});

describe('_elements', () => {
  it('leaves what was asked for and what is mandatory, says so, and keeps digits', async () => {
    const manifest = await partner.exported(
      query({ _type: 'Observation', _typeFilter: 'Observation?_id=lab-old', _elements: 'Observation.value' }),
    );
    const [line = ''] = await partner.lines(manifest);
    const observation = JSON.parse(line) as Observation;
    expect(Object.keys(observation).sort()).toEqual(['code', 'id', 'meta', 'resourceType', 'status', 'valueQuantity']);
    expect(observation.meta?.tag?.map(({ code }) => code)).toEqual(['SUBSETTED']);
    expect(line).toContain('"value":7.10');
  });

  it('of another type leaves a resource whole', async () => {
    const manifest = await partner.exported(query({ _type: 'Encounter', _elements: 'Patient.name' }));
    expect(await partner.lines(manifest)).toEqual([(await payer.fhir.read('Encounter', 'enc-ann'))?.text]);
  });
});

describe('_until', () => {
  it('ends the time that _since begins, by meta.lastUpdated', async () => {
    const instantOf = async (id: string): Promise<string> =>
      (await payer.fhir.read('Observation', id))?.lastUpdated ?? '';
    const [from, to] = [await instantOf('lab-old'), await instantOf('lab-new')];
    expect(await exportedIds({ _since: from, _until: to })).toEqual(['lab-new']);
    expect(await exportedIds({ _until: from })).not.toContain('lab-new');
  });
});

describe('S13: _since', () => {
  it('years ago is taken as it is, and told back as it was written', async () => {
    const path = query({ _type: 'Observation', _since: '1990-01-01T00:00:00Z' });
    const manifest = await partner.exported(path);
    expect(idsOf(await partner.lines(manifest))).toHaveLength(OBSERVATIONS + 1 + 3);
    expect(manifest.request).toBe(`${payer.url}/${path}`);
  });

  it('is the time of the change, not of the service: five years of services go out, whenever they were loaded', async () => {
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const ids = await exportedIds({ _type: 'ExplanationOfBenefit', _since: since });
    expect(ids).toEqual(['eob-2024', 'eob-2026']);
  });

  it('does not widen the look-back, nor does a filter by date of service', async () => {
    const filtered = await exportedIds({
      _type: 'ExplanationOfBenefit',
      _typeFilter: 'ExplanationOfBenefit?service-date=le2024-12-31',
    });
    expect(filtered).toEqual(['eob-2024']);
  });
});

describe('handling=lenient', () => {
  it('passes over what is not supported, and names each in an error file', async () => {
    const path = query({
      _type: 'Patient',
      organizeOutputBy: 'Patient',
      includeAssociatedData: 'LatestProvenanceResources',
    });
    const kickOff = await partner.get(path, { prefer: 'respond-async, handling=lenient' });
    const done = await partner.complete(kickOff.headers.get('content-location') ?? '');
    const manifest = (await done.json()) as Manifest;
    const outcomes = await partner.listed<OperationOutcome>(manifest.error);
    expect(outcomes.map(({ issue }) => [issue[0]?.severity, issue[0]?.code, issue[0]?.expression?.[0]])).toEqual([
      ['warning', 'not-supported', "Parameters.parameter.where(name = 'organizeOutputBy')"],
      ['warning', 'not-supported', "Parameters.parameter.where(name = 'includeAssociatedData')"],
    ]);
    expect(manifest.error.map(({ type, count }) => [type, count])).toEqual([['OperationOutcome', 2]]);
    expect(idsOf(await partner.lines(manifest))).toEqual(['ann', IMPORTED.patient]);
  });
});

describe('deletions', () => {
  const remove = (type: string, id: string): Promise<unknown> => payer.fhir.write([{ kind: 'delete', type, id }]);
  const urlsOf = async (client: BulkClient, manifest: Manifest): Promise<readonly (string | undefined)[]> => {
    const bundles = await client.listed<Bundle>(manifest.deleted);
    expect(bundles.filter(({ type }) => type !== 'transaction')).toEqual([]);
    const requests = bundles.flatMap(({ entry }) => (entry ?? []).map(({ request }) => request));
    expect(new Set(requests.map((request) => request?.method))).toEqual(new Set(requests.length > 0 ? ['DELETE'] : []));
    return requests.map((request) => request?.url).sort();
  };
  const condition = (id: string, patient: string, more = ''): string =>
    `{"resourceType":"Condition","id":"${id}",${more}"subject":{"reference":"Patient/${patient}"}}`;
  const secret =
    '"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]},';
  let since: string;

  beforeAll(async () => {
    for (const text of [
      condition('gone', 'ann'),
      condition('stays', 'ann'),
      condition('secret', 'ann', secret),
      condition('beths', 'beth'),
    ]) {
      await createResource(payer.fhir, text);
    }
    since = (await partner.exported(query({ _type: 'Condition' }))).transactionTime;
    await createResource(payer.fhir, condition('came-and-went', 'ann'));
    for (const id of ['gone', 'secret', 'beths', 'came-and-went']) await remove('Condition', id);
  });

  it('since an instant are those of records that the partner had', async () => {
    const manifest = await partner.exported(query({ _type: 'Condition', _since: since }));
    expect(await urlsOf(partner, manifest)).toEqual(['Condition/gone']);
    expect(manifest.output).toEqual([]);
  });

  it('are told by a Group export as well', async () => {
    await createResource(
      payer.fhir,
      '{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/ann"}},{"entity":{"reference":"Patient/beth"}}]}',
    );
    const manifest = await partner.exported(`Group/g/$export?_since=${since}`);
    expect(await urlsOf(partner, manifest)).toEqual(['Condition/gone']);
  });

  it('of another type than is asked for are not told', async () => {
    expect(await urlsOf(partner, await partner.exported(query({ _type: 'Observation', _since: since })))).toEqual([]);
  });

  it('are all told to the operator', async () => {
    const operator = await bulkClient(payer, 'operator', 'system/*.cruds carryover.admin');
    const manifest = await operator.exported(`$export?_type=Condition&_since=${since}`);
    expect(await urlsOf(operator, manifest)).toEqual(['Condition/beths', 'Condition/gone', 'Condition/secret']);
  });

  it('are no list where no instant was given', async () => {
    expect(await partner.exported(query({ _type: 'Condition' }))).not.toHaveProperty('deleted');
  });
});
