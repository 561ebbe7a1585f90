import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulkClient, codeOf, idsOf } from '../../support/bulk-client.ts';
import type { BulkClient, Manifest } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { IMPORTED, loadMembers, matchBody, SENSITIVE } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

const OPERATOR_SCOPE = 'system/*.cruds carryover.admin';
/** More than are looked up in one go. */
const MANY = 450;

let payer: RespondingPayer;
let partner: BulkClient;
let operator: BulkClient;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  operator = await bulkClient(payer, 'operator', OPERATOR_SCOPE);
  partner = await bulkClient(payer, 'new-payer');
  const answer = await partner.post('Patient/$member-match', matchBody());
  if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
}, 60_000);

afterAll(() => payer.stop());

describe('/$export', () => {
  it('is forbidden to a partner, and to an operator without carryover.admin', async () => {
    const plain = await bulkClient(payer, 'operator', 'system/*.rs');
    for (const client of [partner, plain]) {
      for (const answer of [await client.get('$export'), await client.post('$export')]) {
        expect([answer.status, await codeOf(answer)]).toEqual([403, 'forbidden']);
      }
    }
  });

  it("has everything for the operator, members' or not, but for kept originals", async () => {
    const ids = idsOf(await operator.lines(await operator.exported('$export')));
    expect(ids).toEqual(
      expect.arrayContaining(['all-members', 'ann', 'beth', 'obs-beth', SENSITIVE, 'unrelated', IMPORTED.observation]),
    );
    expect(ids).not.toContain(IMPORTED.evidence);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has of one type what _type names', async () => {
    const ids = idsOf(await operator.lines(await operator.exported('$export?_type=Organization')));
    expect(ids).toEqual(['hospital', 'new-payer-org', 'own', 'unrelated']);
  });
});

describe("an operator's Patient/$export", () => {
  it('without a patient has all members, both compartments of each, and what they refer to', async () => {
    const manifest = await operator.exported('Patient/$export');
    expect(idsOf(await operator.lines(manifest, 'Patient'))).toEqual(['ann', IMPORTED.patient, 'beth']);
    expect(idsOf(await operator.lines(manifest, 'Practitioner'))).toEqual(['doctor']);
    expect(idsOf(await operator.lines(manifest, 'Organization'))).not.toContain('unrelated');
  });

  it('holds every record once, of more members than are looked up in one go', async () => {
    const writes = Array.from({ length: MANY }, (_, n) => [
      `{"resourceType":"Patient","id":"many-${n}"}`,
      `{"resourceType":"Goal","id":"goal-${n}","subject":{"reference":"Patient/many-${n}"}}`,
    ]).flat();
    for (let at = 0; at < writes.length; at += 100) {
      await payer.fhir.write(
        writes.slice(at, at + 100).map((text) => {
          const { resourceType: type, id } = JSON.parse(text) as { resourceType: string; id: string };
          return { kind: 'update', type, id, text } as const;
        }),
      );
    }
    const ids = idsOf(await operator.lines(await operator.exported('Patient/$export?_type=Goal,Patient')));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(2 * MANY + 3);
  });
});

describe('S16: Patient/$export of a partner', () => {
  it('without a patient has the members whom it matched', async () => {
    const manifest = await partner.exported('Patient/$export?_type=Patient&origin=native');
    expect(idsOf(await partner.lines(manifest))).toEqual(['ann']);
  });

  it('is refused to one who has matched nobody', async () => {
    const nobody = await bulkClient(payer, 'nobody');
    expect(await codeOf(await nobody.get('Patient/$export'))).toBe('consent-withdrawn');
  });
});

describe('an export while others write', () => {
  const goal = (id: string, text: string): string =>
    `{"resourceType":"Goal","id":"${id}","subject":{"reference":"Patient/ann"},"description":{"text":"${text}"}}`;

  it('is of one instant: what changes behind it stays out of every file, whenever that is written', async () => {
    for (let n = 0; n < 30; n++) await createResource(payer.fhir, goal(`snap-${n}`, 'before'));
    const status = await partner.kickOff('Patient/ann/$export');
    const id = status.split('/').at(-1) ?? '';
    while ((await payer.jobs.load(id)).transactionTime === undefined)
      await new Promise((resolve) => setTimeout(resolve, 2));
    await createResource(payer.fhir, goal('snap-0', 'behind'));
    await createResource(payer.fhir, goal('snap-late', 'behind'));
    await payer.fhir.write([{ kind: 'delete', type: 'Goal', id: 'snap-1' }]);
    const manifest = (await (await partner.complete(status)).json()) as Manifest;
    const lines = (await partner.lines(manifest, 'Goal')).filter((line) => line.includes('"snap-'));
    expect(lines.filter((line) => line.includes('before'))).toHaveLength(30);
    expect(lines).toHaveLength(30);
  });

  it('shows files that do not change any more: neither bytes nor validators', async () => {
    const manifest = await partner.exported('Patient/ann/$export?_type=Goal');
    const read = async (): Promise<readonly (string | null)[]> => {
      const answer = await partner.get(manifest.output[0]?.url ?? '');
      return [answer.headers.get('etag'), await answer.text()];
    };
    const before = await read();
    await createResource(payer.fhir, goal('snap-2', 'later'));
    expect(await read()).toEqual(before);
  });
});
