import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle } from 'fhir/r4.js';
import { bulkClient, codeOf } from '../../support/bulk-client.ts';
import type { BulkClient } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { IMPORTED, loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
let partner: BulkClient;
let operator: BulkClient;

const LOINC = 'http://loinc.org';
const CCD = '34133-9';
const NOTE = '11506-3';
const RESTRICTED =
  '"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]},';
const documentOf = (id: string, code: string, date: string, status = 'current', patient = 'ann', more = ''): string =>
  `{"resourceType":"DocumentReference","id":"${id}",${more}"status":"${status}","type":{"coding":[{"system":"${LOINC}","code":"${code}"}]},"subject":{"reference":"Patient/${patient}"},"date":"${date}","content":[{"attachment":{"title":"x"}}]}`;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  const texts = [
    documentOf('ccd-old', CCD, '2024-03-01T00:00:00Z'),
    documentOf('ccd-new', CCD, '2025-03-01T00:00:00Z'),
    documentOf('ccd-superseded', CCD, '2025-06-01T00:00:00Z', 'superseded'),
    documentOf('ccd-error', CCD, '2025-06-02T00:00:00Z', 'entered-in-error'),
    documentOf('ccd-restricted', CCD, '2025-07-01T00:00:00Z', 'current', 'ann', RESTRICTED),
    documentOf('note', NOTE, '2025-05-01T00:00:00Z'),
    documentOf('of-beth', CCD, '2025-08-01T00:00:00Z', 'current', 'beth'),
  ];
  for (const text of texts) await createResource(payer.fhir, text);
  partner = await bulkClient(payer, 'new-payer');
  operator = await bulkClient(payer, 'operator', 'system/*.cruds carryover.admin');
  await partner.post('Patient/$member-match', matchBody());
}, 60_000);

afterAll(() => payer.stop());

const idsOf = async (answer: Response): Promise<readonly (string | undefined)[]> => {
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  const { entry = [] } = (await answer.json()) as Bundle;
  return entry.map(({ resource }) => resource?.id).sort();
};
const documents = async (query: string, client = partner): Promise<readonly (string | undefined)[]> =>
  idsOf(await client.get(`DocumentReference/$docref?${query}`));

describe('DocumentReference/$docref', () => {
  it('without dates is the current document of each type', async () => {
    expect(await documents('patient=ann')).toEqual(['ccd-new', 'note']);
    expect(await documents(`patient=Patient/ann&type=${LOINC}|${CCD}`)).toEqual(['ccd-new']);
  });

  it('with dates is every document of that time but what was entered in error', async () => {
    expect(await documents('patient=ann&start=2025-01-01')).toEqual(['ccd-new', 'ccd-superseded', 'note']);
    expect(await documents('patient=ann&end=2024')).toEqual(['ccd-old']);
    expect(await documents(`patient=ann&start=2024&end=2025&type=${CCD}`)).toEqual([
      ...['ccd-new', 'ccd-old', 'ccd-superseded'],
    ]);
  });

  it('takes its parameters posted, a type as a CodeableConcept', async () => {
    const parameter = [
      { name: 'patient', valueId: 'ann' },
      { name: 'start', valueDateTime: '2024-01-01' },
      { name: 'type', valueCodeableConcept: { coding: [{ system: LOINC, code: NOTE }] } },
    ];
    const answer = await partner.post(
      'DocumentReference/$docref',
      JSON.stringify({ resourceType: 'Parameters', parameter }),
    );
    expect(await idsOf(answer)).toEqual(['note']);
  });

  it('makes no document when it is asked for', async () => {
    expect(await documents('patient=ann&on-demand=true')).toEqual([]);
  });

  it('is in both compartments of a member, and no evidence', async () => {
    const ofBoth = await documents('patient=ann&start=2000', operator);
    expect(ofBoth).toContain('ccd-restricted');
    expect(ofBoth).not.toContain(IMPORTED.evidence);
  });

  it.each([
    ['patient=beth', 404, 'not-found'],
    ['patient=nobody', 404, 'not-found'],
    ['', 400, 'request-invalid'],
    ['patient=ann&start=soon', 400, 'request-invalid'],
    ['patient=ann&on-demand=perhaps', 400, 'request-invalid'],
  ])('?%s is %d %s', async (query, status, code) => {
    const answer = await partner.get(`DocumentReference/$docref?${query}`);
    expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
  });

  it('names what it does not know, or refuses it where the client is strict', async () => {
    const url = 'DocumentReference/$docref?patient=ann&profile=urn:x';
    expect(await (await partner.get(url)).text()).toContain('profile');
    expect((await partner.get(url, { prefer: 'handling=strict' })).status).toBe(400);
  });

  it('needs a token that covers DocumentReference', async () => {
    const narrow = await bulkClient(payer, 'new-payer', 'system/Patient.rs');
    expect((await narrow.get('DocumentReference/$docref?patient=ann')).status).toBe(403);
  });
});
