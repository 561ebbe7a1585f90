import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulkClient, codeOf } from '../../support/bulk-client.ts';
import type { BulkClient } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody } from '../../support/responding-members.ts';
import { MAX_FAILURES, startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;
let partner: BulkClient;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
  partner = await bulkClient(payer, 'new-payer');
});

afterAll(() => payer.stop());

const match = (body: string, client = partner): Promise<Response> => client.post('Patient/$member-match', body);

describe('$member-match', () => {
  it("S2, S6: answers the member's number here and the Patient", async () => {
    const answer = await match(matchBody());
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      resourceType: 'Parameters',
      parameter: [
        {
          name: 'MemberIdentifier',
          valueIdentifier: {
            type: {
              coding: [
                {
                  system: 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp',
                  code: 'UMB',
                  display: 'Unique Member Identifier',
                },
              ],
            },
            system: 'urn:own:member',
            value: 'M-ann',
          },
        },
        { name: 'MemberId', valueReference: { reference: 'Patient/ann' } },
      ],
    });
  });

  it('S3, S4: answers 422 with an OperationOutcome for nobody, and says nothing of anybody', async () => {
    const client = await bulkClient(payer, 'stranger');
    const answer = await match(matchBody({ number: 'M-nobody' }), client);
    const text = await answer.clone().text();
    expect([answer.status, await codeOf(answer)]).toEqual([422, 'member-not-matched']);
    expect(text).not.toMatch(/\bann\b|beth|M-nobody|PERSON|1974/i);
  });

  it("does not take a twin's number for hers", async () => {
    const client = await bulkClient(payer, 'twins');
    expect(await codeOf(await match(matchBody({ given: 'Ann', number: 'M-beth' }), client))).toBe('member-not-matched');
  });

  it('S3: answers 422 for a consent that is over, and says nothing of the member', async () => {
    const client = await bulkClient(payer, 'late');
    const over = matchBody({ consent: ({ provision }) => (provision.period['end'] = '2021-01-01') });
    const answer = await match(over, client);
    const text = await answer.clone().text();
    expect([answer.status, await codeOf(answer)]).toEqual([422, 'consent-refused']);
    expect(text).not.toMatch(/\bann\b|PERSON|1974/i);
    expect((await client.get('Patient/ann')).status).toBe(404);
  });

  it('answers 422 for a consent that names another payer than the caller', async () => {
    const consent = (posted: object): void =>
      void Object.assign(posted, JSON.parse(JSON.stringify(posted).replaceAll('requesting', 'somebody-else')));
    expect(await codeOf(await match(matchBody({ consent })))).toBe('consent-refused');
  });

  it('answers 422 naming the element that is not what HRex asks', async () => {
    const answer = await match(matchBody().replace('"birthDate"', '"_birthDate"'));
    expect(answer.status).toBe(422);
    const { issue } = (await answer.json()) as { issue: { code: string; expression: string[] }[] };
    expect(issue[0]).toMatchObject({ code: 'invalid', expression: ['Parameters.parameter[0].resource.birthDate'] });
  });

  it('S3, S4: answers 422 for several members, as one of them or as nobody', async () => {
    for (const id of ['carl', 'carl-again']) {
      await createResource(
        payer.fhir,
        `{"resourceType":"Patient","id":"${id}","identifier":[{"type":{"coding":[{"code":"MB"}]},"value":"M-carl"}],"name":[{"family":"Person","given":["Carl"]}],"birthDate":"1974-12-25"}`,
      );
    }
    const answer = await match(matchBody({ given: 'Carl', number: 'M-carl' }));
    const text = await answer.clone().text();
    expect([answer.status, await codeOf(answer)]).toEqual([422, 'member-ambiguous']);
    expect(text).not.toMatch(/carl/i);
  });

  it('S7: keeps consent and linked coverage with the match, so that neither can be read without the key', async () => {
    await match(matchBody());
    const [kept] = await payer.matches.list({ clientId: 'new-payer', patientId: 'ann', count: 1 });
    expect(kept).toMatchObject({ policy: 'regular', hasCoverageToLink: true });
    expect(JSON.parse(await payer.matches.consentOf(kept?.id ?? ''))).toMatchObject({ resourceType: 'Consent' });
    const { rows } = await payer.pool.query<{ text: Buffer }>(
      'SELECT consent || coverage_to_link AS text FROM member_match WHERE coverage_to_link IS NOT NULL',
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { text } of rows) expect(text.toString('latin1')).not.toMatch(/Consent|permit|Coverage/);
  });

  it('lets a consent that takes the former one back end the access', async () => {
    const client = await bulkClient(payer, 'revoking');
    await match(matchBody(), client);
    expect((await client.get('Patient/ann')).status).toBe(200);
    expect((await match(matchBody({ consent: (posted) => (posted.status = 'inactive') }), client)).status).toBe(422);
    expect((await client.get('Patient/ann')).status).toBe(404);
  });
});

describe('failed matches', () => {
  it('S5: are answered by 429 after some, and not only one after the other', async () => {
    const client = await bulkClient(payer, 'brute');
    const tries = Array.from({ length: MAX_FAILURES + 5 }, (_, n) =>
      match(matchBody({ number: `guess-${n}` }), client),
    );
    const answers = await Promise.all(tries);
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses.filter((status) => status === 422)).toHaveLength(MAX_FAILURES);
    expect(statuses.filter((status) => status === 429)).toHaveLength(5);
    const throttled = answers.find(({ status }) => status === 429);
    const wait = Number(throttled?.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(3600);
  });

  it('then shut out even the right number, but no other person and no other partner', async () => {
    const client = await bulkClient(payer, 'brute');
    expect((await match(matchBody(), client)).status).toBe(429);
    expect((await match(matchBody({ given: 'Beth', number: 'M-beth' }), client)).status).toBe(200);
    expect((await match(matchBody(), await bulkClient(payer, 'honest'))).status).toBe(200);
  });

  it('are forgotten by the sweep once their hour is over, and not before', async () => {
    const tries = async (): Promise<number> =>
      Number((await payer.pool.query<{ n: string }>('SELECT count(*) AS n FROM match_failure')).rows[0]?.n);
    const present = await tries();
    expect(present).toBeGreaterThan(0);
    await payer.matches.forgetTries(new Date());
    expect(await tries()).toBe(present);
    await payer.matches.forgetTries(new Date(Date.now() + 3_600_000));
    expect(await tries()).toBe(0);
  });

  it('are none when they succeed', async () => {
    const client = await bulkClient(payer, 'busy');
    for (let n = 0; n < MAX_FAILURES + 2; n++) expect((await match(matchBody(), client)).status).toBe(200);
  });
});

describe('what a partner reads', () => {
  it('is what it has matched, the imported compartment too, and what that refers to', async () => {
    const client = await bulkClient(payer, 'reader');
    await match(matchBody(), client);
    const statuses = async (paths: readonly string[]) =>
      Promise.all(paths.map(async (each) => (await client.get(each)).status));
    expect(
      await statuses(['Patient/ann', 'Observation/obs-1', 'Observation/imported-obs', 'Practitioner/doctor']),
    ).toEqual([200, 200, 200, 200]);
    expect(
      await statuses([
        'Patient/beth',
        'Observation/obs-beth',
        'Observation/obs-sensitive',
        'DocumentReference/evidence-doc',
        'Group/all-members',
      ]),
    ).toEqual([404, 404, 404, 404, 404]);
  });

  it('is the sensitive records too where the consent says so', async () => {
    const client = await bulkClient(payer, 'sensitive-reader');
    await match(matchBody({ policy: 'sensitive' }), client);
    expect((await client.get('Observation/obs-sensitive')).status).toBe(200);
  });
});
