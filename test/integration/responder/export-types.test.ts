import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { goesAlong } from '../../../fhir/open-types.ts';
import { RESOURCE_TYPES } from '../../../fhir/resource-types.ts';
import { bulkClient } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  for (let n = 0; n < 30; n++) {
    await createResource(
      payer.fhir,
      `{"resourceType":"Procedure","id":"p-${n}","subject":{"reference":"Patient/ann"}}`,
    );
  }
});

afterAll(() => payer.stop());

it('of the types of an export it is known which there are, and of which its members have most records', async () => {
  const partner = await bulkClient(payer, 'new-payer');
  await partner.post('Patient/$member-match', matchBody());
  const manifest = await partner.exported('Patient/ann/$export');
  const [job] = await payer.jobs.newest(1, 'new-payer');
  if (job === undefined) throw new Error('no job');
  const members = await payer.jobs.members(job.id, '', 10);
  const patientIds = members.flatMap((member) => member.patientIds);
  const counts = await payer.fhir.presentTypes([...RESOURCE_TYPES], patientIds);
  const sent = manifest.output
    .map(({ type }) => type)
    .filter((type) => !goesAlong(type) && type !== 'OperationOutcome');
  expect([...counts.keys()]).toEqual(expect.arrayContaining(sent));
  expect([...counts].sort(([, one], [, other]) => other - one)[0]?.[0]).toBe('Procedure');
});

it('a type that one compartment of many holds is not left out, nor is one that begins like another', async () => {
  const ids = Array.from({ length: 12 }, (_, n) => `many-${n}`);
  for (const id of ids) await createResource(payer.fhir, `{"resourceType":"Patient","id":"${id}"}`);
  const about = '"subject":{"reference":"Patient/many-11"}';
  for (const type of ['MedicationRequest', 'Medication', 'MedicationStatement', 'Goal']) {
    await createResource(payer.fhir, `{"resourceType":"${type}","id":"of-many",${about}}`);
  }
  const asked = ['Goal', 'Medication', 'MedicationRequest', 'MedicationStatement', 'Observation', 'Patient'];
  const counts = await payer.fhir.presentTypes(asked, ids);
  expect([...counts.keys()].sort()).toEqual(['Goal', 'MedicationRequest', 'MedicationStatement', 'Patient']);
  expect(counts.get('Patient')).toBe(ids.length);
});

it('of everything that is stored all types are known', async () => {
  const counts = await payer.fhir.presentTypes(['Organization', 'Procedure', 'VisionPrescription']);
  expect([...counts.keys()].sort()).toEqual(['Organization', 'Procedure']);
  expect(counts.get('Procedure')).toBeGreaterThanOrEqual(30);
});
