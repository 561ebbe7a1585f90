import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Provenance } from 'fhir/r4.js';
import { bulkClient } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { IMPORTED, loadMembers, matchBody } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
let partner: BulkClient;

const MANY = 600;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  for (let n = 0; n < MANY; n++) {
    await createResource(payer.fhir, `{"resourceType":"Goal","id":"goal-${n}","subject":{"reference":"Patient/beth"}}`);
  }
  await createResource(
    payer.fhir,
    `{"resourceType":"Provenance","id":"received","target":[{"reference":"Observation/${IMPORTED.observation}"},{"reference":"Patient/${IMPORTED.patient}"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"the payer before"}}]}`,
  );
  partner = await bulkClient(payer, 'new-payer');
  await partner.post('Patient/$member-match', matchBody());
  await partner.post('Patient/$member-match', matchBody({ given: 'Beth', number: 'M-beth' }));
});

afterAll(() => payer.stop());

const ofUs = ({ agent }: Provenance): boolean => agent.some(({ who }) => who.reference === 'Organization/own');

async function provenances(manifest: Manifest): Promise<readonly Provenance[]> {
  return (await partner.lines(manifest, 'Provenance')).map((line) => JSON.parse(line) as Provenance);
}

const targetsOf = (all: readonly Provenance[]): string[] =>
  all.flatMap(({ target }) => target.map(({ reference = '' }) => reference));

describe('the Provenance of an exchange', () => {
  it('names us as transmitter of all that was sent of a member, once', async () => {
    const manifest = await partner.exported('Patient/ann/$export');
    const sent = (await partner.lines(manifest))
      .map((line) => JSON.parse(line) as { resourceType: string; id: string; agent?: never })
      .map(({ resourceType, id }) => `${resourceType}/${id}`);
    const own = (await provenances(manifest)).filter(ofUs);
    expect(own).toHaveLength(1);
    expect(targetsOf(own).sort()).toEqual(sent.filter((each) => each !== `Provenance/${own[0]?.id ?? ''}`).sort());
    expect(own[0]).toMatchObject({
      meta: { profile: ['http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-provenance'] },
      recorded: manifest.transactionTime,
      agent: [{ type: { coding: [{ code: 'transmitter' }] }, who: { reference: 'Organization/own' } }],
    });
    expect(own[0]?.agent[0]).not.toHaveProperty('onBehalfOf');
    expect(sent).toContain('Organization/own');
  });

  it('has pages of at most 500, and those of each member apart', async () => {
    const own = (await provenances(await partner.exported('Patient/$export?_type=Goal,Encounter,Provenance'))).filter(
      ofUs,
    );
    const sizes = own.map(({ target }) => target.length);
    expect(Math.max(...sizes)).toBe(500);
    for (const page of own) {
      const references = targetsOf([page]).join();
      expect(references.includes('Goal/') && references.includes('enc-ann')).toBe(false);
    }
    expect(targetsOf(own).filter((each) => each.startsWith('Goal/'))).toHaveLength(MANY);
  });

  it('names what was sent of each of more members than are looked up in one go', async () => {
    const ids = Array.from({ length: 205 }, (_, n) => `m${n}`);
    const matched = { clientId: 'new-payer', coverageToLink: undefined, periodStart: undefined, periodEnd: undefined };
    for (const id of ids) {
      await createResource(payer.fhir, `{"resourceType":"Patient","id":"${id}"}`);
      const more = '"meta":{"source":"urn:s"},';
      const goal = `{"resourceType":"Goal","id":"of-${id}",${more}"subject":{"reference":"Patient/${id}"}}`;
      await createResource(payer.fhir, goal);
      await payer.matches.keep({ ...matched, patientId: id, consent: '{}', policy: 'sensitive' });
    }
    const manifest = await partner.exported('Patient/$export?_type=Goal,Provenance');
    const sent = (await partner.lines(manifest, 'Goal')).map((line) => (JSON.parse(line) as { id: string }).id);
    const named = targetsOf((await provenances(manifest)).filter(ofUs)).filter((each) => each.startsWith('Goal/'));
    expect(sent).toHaveLength(MANY + ids.length);
    expect(named.sort()).toEqual(sent.map((id) => `Goal/${id}`).sort());
    for (const id of ids) await payer.matches.withdraw(id);
  });

  it('passes on what the payer before us said', async () => {
    const received = (await provenances(await partner.exported('Patient/ann/$export?_type=Provenance'))).map(
      ({ id }) => id,
    );
    expect(received).toEqual(expect.arrayContaining(['received', 'prov-ann']));
  });

  it('is left out where Provenance was not asked for, and where nothing is sent', async () => {
    const narrow = await partner.exported('Patient/ann/$export?_type=Encounter');
    expect(narrow.output.map(({ type }) => type)).toEqual(['Encounter']);
    const empty = await partner.exported(`Patient/ann/$export?_since=${new Date(Date.now() + 60_000).toISOString()}`);
    expect(empty.output).toEqual([]);
  });
});
