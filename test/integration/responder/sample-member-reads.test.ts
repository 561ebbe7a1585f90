import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SampleMember } from '../../../cli/sample-members/member.ts';
import { PAYER_SYSTEMS } from '../../../cli/sample-members/payer.ts';
import type { TestPayer } from '../../support/payer.ts';
import { plainPartner } from '../../support/plain-partner.ts';
import type { PlainPartner } from '../../support/plain-partner.ts';
import { sampleMatch } from '../../support/sample-match.ts';
import { ann, bob, eve, startSamplePayer } from '../../support/sample-payer.ts';

let payer: TestPayer;
let a: PlainPartner;
let b: PlainPartner;

beforeAll(async () => {
  ({ payer, a, b } = await startSamplePayer());
}, 120_000);

afterAll(() => payer.stop());

describe('a partner', () => {
  it('reads the member it has matched, and nobody else', async () => {
    await a.match(sampleMatch(ann));
    expect((await a.ask('GET', `Patient/${ann.patientId}`)).status).toBe(200);
    expect((await a.ask('GET', `Patient/${bob.patientId}`)).status).toBe(404);
    expect((await b.ask('GET', `Patient/${ann.patientId}`)).status).toBe(404);
  });

  it('learns from no search, and from no link of one, whether somebody else is a member', async () => {
    await a.match(sampleMatch(ann));
    const numbers = `${PAYER_SYSTEMS.member}|${ann.memberNumber},${PAYER_SYSTEMS.member}|${bob.memberNumber}`;
    const searches = [
      `Patient?identifier=${encodeURIComponent(numbers)}&_count=1`,
      `Patient?name=${encodeURIComponent(bob.person.family)}&_count=1`,
      `Condition?patient=${bob.patientId}&_count=1`,
    ];
    for (const search of searches) {
      const bundle = (await a.ask('GET', search)).json<{ link: { relation: string }[] }>();
      expect(bundle.link.map(({ relation }) => relation)).toEqual(['self']);
    }
  });

  it('sees no former version of what it may no longer see', async () => {
    const text = (subject: SampleMember): string =>
      JSON.stringify({
        resourceType: 'Observation',
        id: 'misfiled',
        subject: { reference: `Patient/${subject.patientId}` },
      });
    await payer.ask('PUT', 'Observation/misfiled', text(ann));
    await a.match(sampleMatch(ann));
    expect((await a.ask('GET', 'Observation/misfiled/_history')).status).toBe(200);
    await payer.ask('PUT', 'Observation/misfiled', text(eve));
    expect((await a.ask('GET', 'Observation/misfiled/_history')).status).toBe(404);
  });

  it('writes nothing', async () => {
    const answer = await a.ask('PUT', 'Patient/x', { resourceType: 'Patient', id: 'x' });
    expect(answer.status).toBe(403);
  });

  it('that was disabled is out at once, whatever its token says', async () => {
    const { wiring } = payer;
    const client = await wiring.clients.find('b');
    if (client === undefined) throw new Error('no client');
    const { pid, ...input } = client;
    await wiring.clients.update(pid, { ...input, enabled: false });
    expect((await b.ask('GET', `Patient/${ann.patientId}`)).status).toBe(401);
    await wiring.clients.update(pid, input);
  });
});

describe('a partner that was removed', () => {
  it('leaves no match to whoever is registered under its client id next', async () => {
    const { clients } = payer.wiring;
    const clientSecret = 'secret-of-c-0123456789';
    const registration = { clientId: 'c', name: 'c', clientSecret, scopes: 'system/*.rs', enabled: true };
    await clients.create(registration);
    const c = await plainPartner(payer, 'c', clientSecret);
    await c.match(sampleMatch(ann));
    expect((await c.ask('GET', `Patient/${ann.patientId}`)).status).toBe(200);
    const former = await clients.find('c');
    await clients.remove(former?.pid ?? 0);
    await clients.create(registration);
    const next = await plainPartner(payer, 'c', clientSecret);
    expect((await next.ask('GET', `Patient/${ann.patientId}`)).status).toBe(404);
  });
});
