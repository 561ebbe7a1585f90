import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readMatchAnswer } from '../../../fhir/match-answer.ts';
import { answerOf, reserveAddress, startTestPayer } from '../../support/payer.ts';
import type { Answer, TestPayer } from '../../support/payer.ts';
import { createResource } from '../../support/records.ts';
import { matchBody } from '../../support/responding-members.ts';

let payer: TestPayer;
let folder: string;
const tokens = new Map<string, string>();

/** Takes the candidate whose number is asked for, whatever the name; throws for one family. */
const MATCH_MODULE = `
module.exports = async ({ patient, coverage }, candidates) => {
  if (patient.birthDate === '1900-01-01') throw new Error('a fault in the module');
  if (patient.birthDate === '1900-01-02') return 'nobody-of-them';
  if (patient.birthDate === '1900-01-03') return 'ambiguous';
  const { value } = coverage.identifier[0];
  return candidates.find(({ patient: each }) => each.identifier.some((one) => one.value === value))?.id;
};`;

/** Shows Ann's heart rate without its value to partners, and fails at one record. */
const CONSENT_MODULE = `
exports.consentWillSeeResource = function (request, resource) {
  if (resource.id === 'breaks') throw new Error(resource.id);
  if (request.caller === 'operator') return request.consent === undefined ? 'proceed' : 'reject';
  if (resource.resourceType !== 'Observation') return 'proceed';
  if (request.consent.status !== 'active') return 'reject';
  const { valueQuantity, ...masked } = resource;
  return masked;
};`;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'carryover-operator-'));
  const modules = { match: path.join(folder, 'match.cjs'), consent: path.join(folder, 'consent.cjs') };
  writeFileSync(modules.match, MATCH_MODULE);
  writeFileSync(modules.consent, CONSENT_MODULE);
  payer = await startTestPayer(await reserveAddress(), {
    oidcClients: ['hrex', 'vendor'].map((id) => ({
      ...{ clientId: id, name: id, clientSecret: `secret-of-${id}-0123456789` },
      ...(id === 'vendor' && { matchAnswer: 'valueId' }),
    })),
    consent: { module: modules.consent },
    matching: { module: modules.match },
  });
  const { fhir } = payer.wiring;
  await createResource(
    fhir,
    '{"resourceType":"Patient","id":"ann","identifier":[{"type":{"coding":[{"code":"MB"}]},"value":"M-ann"}],"name":[{"family":"Other","given":["Name"]}],"birthDate":"1974-12-25"}',
  );
  for (const id of ['heart', 'breaks']) {
    await createResource(
      fhir,
      `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"},"valueQuantity":{"value":72.50}}`,
    );
  }
  for (const id of ['hrex', 'vendor']) {
    tokens.set(id, await payer.token(id, `secret-of-${id}-0123456789`, 'system/*.rs'));
  }
}, 120_000);

afterAll(async () => {
  await payer.stop();
  rmSync(folder, { recursive: true });
});

async function ask(who: string, method: string, at: string, body?: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${tokens.get(who) ?? ''}`, 'content-type': 'application/fhir+json' };
  const url = at.startsWith('http') ? at : `${payer.fhirUrl}/${at}`;
  return answerOf(await fetch(url, { method, headers, ...(body !== undefined && { body }) }));
}

const match = (who = 'hrex', body = matchBody()): Promise<Answer> => ask(who, 'POST', 'Patient/$member-match', body);
const codeOf = (answer: Answer): unknown =>
  answer.json<{ issue: { details: { coding: { code: string }[] } }[] }>().issue[0]?.details.coding[0]?.code;
const p2p = (method: string, at: string): Promise<Answer> => payer.ask(method, `${payer.p2pUrl}${at}`);

interface Match {
  readonly id: string;
  readonly clientId: string;
  readonly withdrawnAt: string | null;
}
const matchesOf = async (query: string): Promise<readonly Match[]> =>
  (await p2p('GET', `/api/matches?${query}`)).json<{ matches: Match[] }>().matches;

describe('S6: a partner of the older form', () => {
  it('is answered by valueId, every other one by the identifier', async () => {
    const answer = (await match('vendor')).json();
    expect(answer).toEqual({
      resourceType: 'Parameters',
      parameter: [{ name: 'MemberIdentifier', valueId: 'Patient/ann' }],
    });
    expect(readMatchAnswer(answer)).toMatchObject({ patientId: 'ann' });
    expect((await match()).json()).toMatchObject({ parameter: [{ valueIdentifier: { value: 'M-ann' } }, {}] });
  });
});

describe('a matching module', () => {
  it('decides in the place of our rules', async () => {
    expect((await match()).status).toBe(200);
    expect(codeOf(await match('hrex', matchBody({ number: 'M-other' })))).toBe('member-not-matched');
  });

  const born = (day: string): string => matchBody().replace(/"birthDate":"[^"]*"/, `"birthDate":"1900-01-0${day}"`);
  it.each([
    ['throws', '1', 500, 'internal'],
    ['names nobody of the candidates', '2', 500, 'internal'],
    ['says ambiguous', '3', 422, 'member-ambiguous'],
  ])('matches nobody when it %s', async (_what, day, status, code) => {
    const answer = await match('hrex', born(day));
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    expect(payer.logLines.join('')).not.toContain('a fault in the module');
  });
});

describe('a consent module', () => {
  beforeEach(async () => {
    await match();
  });

  it('masks what a partner reads, and leaves it to the operator as it is', async () => {
    expect((await ask('hrex', 'GET', 'Observation/heart')).text).not.toContain('72.5');
    expect((await payer.ask('GET', 'Observation/heart')).text).toContain('72.50');
  });

  it('that throws withholds the resource from everybody, and is logged by its code', async () => {
    expect((await ask('hrex', 'GET', 'Observation/breaks')).status).toBe(404);
    expect((await payer.ask('GET', 'Observation/breaks')).status).toBe(404);
    const lines = payer.logLines.filter((line) => line.includes('consent-module-failed'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('')).not.toContain('breaks');
  });

  it('closes a file when another consent takes the place of the one that it was asked with', async () => {
    const kickOff = await ask('hrex', 'GET', 'Patient/ann/$export?_type=Observation');
    const status = kickOff.headers.get('content-location') ?? '';
    let done = await ask('hrex', 'GET', status);
    while (done.status === 202) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      done = await ask('hrex', 'GET', status);
    }
    const { output } = done.json<{ output: { url: string; count: number }[] }>();
    expect(output.map(({ count }) => count)).toEqual([1]);
    const url = output[0]?.url ?? '';
    expect((await ask('hrex', 'GET', url)).text).not.toContain('72.5');
    const other = matchBody({ consent: (posted) => (posted.provision.period['end'] = '2098-12-31') });
    await match('hrex', other);
    expect((await ask('hrex', 'GET', url)).status).toBe(403);
    await match();
    expect((await ask('hrex', 'GET', url)).status).toBe(200);
  });
});

describe('the matches of partners', () => {
  beforeEach(async () => {
    await match();
    await match('vendor');
  });

  it('are listed by ids, times and policy, without a word of the Consent', async () => {
    const answer = await p2p('GET', '/api/matches?client=hrex&patient=ann');
    expect(answer.json()).toEqual({
      matches: [
        {
          id: expect.any(String),
          ...{ clientId: 'hrex', patientId: 'ann', policy: 'regular', hasCoverageToLink: true },
          ...{ periodStart: '2020-01-01T00:00:00.000Z', periodEnd: '2099-12-31T23:59:59.999Z' },
          ...{ matchedAt: expect.any(String), withdrawnAt: null },
        },
      ],
      next: null,
    });
    expect(answer.text).not.toMatch(/Person|1974|resourceType/);
  });

  it('come in pages', async () => {
    const first = (await p2p('GET', '/api/matches?count=1')).json<{ matches: Match[]; next: string }>();
    const second = await matchesOf(`count=1&after=${first.next}`);
    expect([...first.matches, ...second].map(({ clientId }) => clientId).sort()).toEqual(['hrex', 'vendor']);
  });

  it('are refused by an unknown parameter, and by partners', async () => {
    expect((await p2p('GET', '/api/matches?partner=hrex')).status).toBe(400);
    expect((await ask('hrex', 'GET', `${payer.p2pUrl}/api/matches`)).status).toBe(403);
  });

  it('are withdrawn one by one, and then nothing of the member is open to that partner', async () => {
    const [found] = await matchesOf('client=hrex');
    expect((await ask('hrex', 'GET', 'Patient/ann')).status).toBe(200);
    const ended = await p2p('DELETE', `/api/matches/${found?.id ?? ''}`);
    expect([ended.status, ended.json<Match>().withdrawnAt]).toEqual([200, expect.any(String)]);
    expect((await ask('hrex', 'GET', 'Patient/ann')).status).toBe(404);
    expect((await ask('vendor', 'GET', 'Patient/ann')).status).toBe(200);
    expect((await p2p('DELETE', '/api/matches/none')).status).toBe(404);
  });

  it('when withdrawn, end the exports that are under way with the reason', async () => {
    const id = '00000000-0000-4000-8000-000000000002';
    await payer.wiring.jobs.create({
      ...{ id, clientId: 'hrex', isOperator: false, requestUrl: `${payer.fhirUrl}/Patient/$export` },
      ...{ patientIds: ['ann'], types: [], since: undefined, origin: 'all' },
    });
    const [found] = await matchesOf('client=hrex');
    await p2p('DELETE', `/api/matches/${found?.id ?? ''}`);
    const status = await ask('hrex', 'GET', `export-status/${id}`);
    expect([status.status, codeOf(status)]).toEqual([403, 'consent-withdrawn']);
    const { exports } = (await p2p('GET', '/api/exports?client=hrex')).json<{ exports: { id: string }[] }>();
    expect(exports.find((each) => each.id === id)).toMatchObject({ state: 'failed', reason: 'consent-withdrawn' });
  });
});

describe('the exports of partners', () => {
  it('are listed with what was withheld of them', async () => {
    await match();
    const kickOff = await ask('hrex', 'GET', 'Patient/ann/$export?_type=Observation');
    const status = kickOff.headers.get('content-location') ?? '';
    while ((await ask('hrex', 'GET', status)).status === 202) await new Promise((resolve) => setTimeout(resolve, 50));
    const { exports } = (await p2p('GET', '/api/exports?client=hrex&count=1')).json<{ exports: unknown[] }>();
    expect(exports).toEqual([
      expect.objectContaining({
        ...{ clientId: 'hrex', state: 'complete', reason: null },
        withheld: { Observation: { 'consent-module': 1, 'consent-module-failed': 1 } },
      }),
    ]);
  });

  it('are described, as matches are, for who reads the API', async () => {
    const { paths } = (await p2p('GET', '/openapi.json')).json<{ paths: Record<string, object> }>();
    expect(Object.keys(paths['/api/matches'] ?? {})).toContain('get');
    expect(Object.keys(paths['/api/matches/{id}'] ?? {})).toContain('delete');
    expect(Object.keys(paths['/api/exports'] ?? {})).toContain('get');
  });
});
