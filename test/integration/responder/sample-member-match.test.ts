import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Parameters } from 'fhir/r4.js';
import type { SampleMember } from '../../../cli/sample-members/member.ts';
import type { TestPayer } from '../../support/payer.ts';
import { codeOf } from '../../support/plain-partner.ts';
import type { PlainPartner } from '../../support/plain-partner.ts';
import { sampleMatch } from '../../support/sample-match.ts';
import { ann, bob, eve, startSamplePayer } from '../../support/sample-payer.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';

let payer: TestPayer;
let a: PlainPartner;
let b: PlainPartner;

beforeAll(async () => {
  ({ payer, a, b } = await startSamplePayer());
}, 120_000);

afterAll(() => payer.stop());

const provision = (changed: Record<string, unknown>): Record<string, unknown> => {
  const { parameter } = matchParameters() as { parameter: { name: string; resource: { provision: object } }[] };
  const usual = parameter.find(({ name }) => name === 'Consent')?.resource.provision ?? {};
  return { provision: { ...usual, ...changed } };
};

describe('$member-match', () => {
  it('answers one member with the unique identifier and the Patient', async () => {
    const answer = await a.match(sampleMatch(ann));
    const [identifier, id] = answer.json<Parameters>().parameter ?? [];
    expect(answer.status).toBe(200);
    expect(identifier?.valueIdentifier?.type?.coding?.[0]?.code).toBe('UMB');
    expect(id).toEqual({ name: 'MemberId', valueReference: { reference: `Patient/${ann.patientId}` } });
  });

  it.each<[string, (answer: SampleMember) => unknown, string]>([
    [
      'a wrong birth date',
      (m) =>
        sampleMatch(m, {
          MemberPatient: {
            resourceType: 'Patient',
            id: '1',
            name: [{ family: m.person.family, given: m.person.given }],
            gender: m.person.gender,
            birthDate: '1901-01-01',
          },
        }),
      'member-not-matched',
    ],
    ['a number of nobody', (m) => sampleMatch({ ...m, memberNumber: 'nobody' }), 'member-not-matched'],
    ['another member’s number', (m) => sampleMatch({ ...m, memberNumber: bob.memberNumber }), 'member-not-matched'],
    ['a consent that is not active', (m) => sampleMatch(m, {}, { status: 'inactive' }), 'consent-refused'],
    [
      'a consent that has ended',
      (m) => sampleMatch(m, {}, provision({ period: { start: '2020-01-01', end: '2021-01-01' } })),
      'consent-refused',
    ],
    [
      'a consent that begins later',
      (m) => sampleMatch(m, {}, provision({ period: { start: '2098-01-01' } })),
      'consent-refused',
    ],
    [
      'a consent for another payer',
      (m) =>
        sampleMatch(
          m,
          {},
          provision({
            actor: [
              {
                role: { coding: [{ code: 'IRCP' }] },
                reference: { identifier: { system: 'http://example.org/payers', value: 'somebody' } },
              },
            ],
          }),
        ),
      'consent-refused',
    ],
    [
      'no CoverageToMatch',
      (m) => ({
        ...sampleMatch(m),
        parameter: (sampleMatch(m).parameter ?? []).filter(({ name }) => name !== 'CoverageToMatch'),
      }),
      'parameters-invalid',
    ],
  ])('answers 422 for %s and names nobody', async (_name, body, code) => {
    const answer = await a.match(body(eve));
    expect([answer.status, codeOf(answer)]).toEqual([422, code]);
    for (const secret of [eve.patientId, eve.person.family, eve.memberNumber, bob.memberNumber]) {
      expect(answer.text).not.toContain(secret);
    }
  });

  it.each(['vendor/member-match-request', 'hrex/member-match-in'])('reads the published example %s', async (name) => {
    const answer = await b.match(readFileSync(`test/fixtures/${name}.json`, 'utf8'));
    expect([answer.status, codeOf(answer)]).toEqual([422, 'member-not-matched']);
  });

  it('answers 400 for a body that is no JSON', async () => {
    expect((await a.match('{')).status).toBe(400);
  });

  it('stops answering who tries number after number', async () => {
    const tries = ['1', '2', '3', '4'].map((memberNumber) => sampleMatch({ ...bob, memberNumber }));
    const statuses: number[] = [];
    for (const body of tries) statuses.push((await b.match(body)).status);
    const last = await b.match(sampleMatch(bob));
    expect(statuses).toEqual([422, 422, 422, 429]);
    expect([last.status, Number(last.headers.get('retry-after')) > 0]).toEqual([429, true]);
  });
});
