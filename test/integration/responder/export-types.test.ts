import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { largestFirst } from '../../../activities/responder/export-types.ts';
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

it('types of an export begin with that of which its members have most records', async () => {
  const partner = await bulkClient(payer, 'new-payer');
  await partner.post('Patient/$member-match', matchBody());
  await partner.exported('Patient/ann/$export');
  const [job] = await payer.jobs.newest(1, 'new-payer');
  if (job === undefined) throw new Error('no job');
  const ordered = await largestFirst(payer, await payer.jobs.load(job.id), ['Condition', 'Patient', 'Procedure']);
  expect(ordered[0]).toBe('Procedure');
});
