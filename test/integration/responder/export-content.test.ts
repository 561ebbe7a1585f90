import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExplanationOfBenefit, Provenance } from 'fhir/r4.js';
import { bulkClient, idsOf } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
let partner: BulkClient;
let manifest: Manifest;

const money = '{"value":120.50,"currency":"USD"}';
const benefit = (id: string, use: string, more = ''): string =>
  `{"resourceType":"ExplanationOfBenefit","id":"${id}","status":"active","use":"${use}","type":{"coding":[{"code":"professional"}]},"patient":{"reference":"Patient/ann"},"billablePeriod":{"start":"2026-01-02"},"outcome":"complete"${more}}`;
const review = (code: string): string =>
  `,"adjudication":[{"extension":[{"url":"http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewAction","extension":[{"url":"http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewActionCode","valueCodeableConcept":{"coding":[{"system":"https://codesystem.x12.org/005010/306","code":"${code}"}]}}]}],"category":{"coding":[{"code":"submitted"}]}}]`;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  const texts = [
    benefit(
      'claim',
      'claim',
      `,"total":[{"category":{"text":"paid"},"amount":${money}}],"payment":{"amount":${money}}`,
    ),
    benefit(
      'approved',
      'preauthorization',
      `${review('A1')},"supportingInfo":[{"sequence":1,"valueReference":{"reference":"DocumentReference/letter"}}]`,
    ),
    benefit('denied', 'preauthorization', review('A3')),
    '{"resourceType":"DocumentReference","id":"letter","status":"current","subject":{"reference":"Patient/ann"},"content":[{"attachment":{"contentType":"text/plain","data":"aGVsbG8="}}]}',
    '{"resourceType":"Device","id":"pump","patient":{"reference":"Patient/ann"}}',
    '{"resourceType":"MedicationDispense","id":"dispense","status":"completed","subject":{"reference":"Patient/ann"},"whenHandedOver":"2026-01-01"}',
    '{"resourceType":"Group","id":"matched","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/ann"}}]}',
  ];
  for (const text of texts) await createResource(payer.fhir, text);
  partner = await bulkClient(payer, 'new-payer');
  const answer = await partner.post('Patient/$member-match', matchBody());
  if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
  manifest = await partner.exported(
    'Group/matched/$davinci-data-export?exportType=hl7.fhir.us.davinci-pdex%23payertopayer',
  );
}, 60_000);

afterAll(() => payer.stop());

describe('S12: a payer-to-payer export', () => {
  it('has clinical records, claims, coverage, what belongs to nobody, and Provenance', () => {
    const types = new Set(manifest.output.map(({ type }) => type));
    const wanted = ['CarePlan', 'Coverage', 'Device', 'DocumentReference', 'Encounter', 'ExplanationOfBenefit'];
    const more = [
      'MedicationDispense',
      'Observation',
      'Organization',
      'Patient',
      'Practitioner',
      'PractitionerRole',
      'Provenance',
    ];
    expect([...types].sort()).toEqual([...wanted, ...more]);
  });

  it('has claims without what they cost', async () => {
    const lines = await partner.lines(manifest, 'ExplanationOfBenefit');
    const claim = lines.find((line) => line.includes('"id":"claim"')) ?? '';
    expect(claim).not.toMatch(/120\.50|payment|currency/);
  });

  it('has prior authorizations with the documents behind them, and none that was denied', async () => {
    const ids = idsOf(await partner.lines(manifest, 'ExplanationOfBenefit'));
    expect(ids).toEqual(['approved', 'claim']);
    const [letter = ''] = await partner.lines(manifest, 'DocumentReference');
    expect(letter).toContain('aGVsbG8=');
  });

  it('says by Provenance that we transmitted each of its records', async () => {
    const provenances = (await partner.lines(manifest, 'Provenance')).map((line) => JSON.parse(line) as Provenance);
    const ours = provenances.filter(({ agent }) => agent.some(({ who }) => who.reference === 'Organization/own'));
    const targets = new Set(ours.flatMap(({ target }) => target.map(({ reference }) => reference)));
    const sent = (await partner.lines(manifest)).map((line) => JSON.parse(line) as ExplanationOfBenefit);
    const records = sent.filter(({ id }) => !ours.some((provenance) => provenance.id === id));
    expect(new Set(records.map(({ resourceType, id }) => `${resourceType}/${id ?? ''}`))).toEqual(targets);
  });
});
