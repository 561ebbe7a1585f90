import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPair } from 'jose';
import { loadMemberFromDirectory } from '../../support/responder/members.ts';
import {
  exportParameters,
  get,
  matchParameters,
  MEMBER,
  openSession,
  post,
  requestToken,
  signAssertion,
} from './payer-session.ts';
import type { Session } from './payer-session.ts';

let session: Session;
beforeEach(async () => {
  session = await openSession('ES384');
});
afterEach(() => session.responder.close());

async function errorOf(answer: Response): Promise<unknown> {
  return { status: answer.status, error: ((await answer.json()) as { error: string }).error };
}
const invalidClient = { status: 401, error: 'invalid_client' };

async function issueCode(answer: Response): Promise<unknown> {
  const outcome = (await answer.json()) as { issue: { code: string }[] };
  return [answer.status, outcome.issue[0]?.code];
}

describe('responder token endpoint', () => {
  it.each(['RS384', 'ES384'] as const)('grants a token for a %s assertion', async (algorithm) => {
    const own = await openSession(algorithm);
    const answer = await requestToken(own.responder, await signAssertion(own.responder, own.key, algorithm));
    expect(await answer.json()).toMatchObject({ token_type: 'bearer', expires_in: 300, scope: 'system/*.rs' });
    await own.responder.close();
  });

  it.each([
    ['the FHIR base as aud', { aud: 'BASE' }],
    ['a trailing slash on aud', { aud: 'SLASH' }],
    ['exp six minutes ahead', { exp: '6m' }],
    ['exp in the past', { exp: '-1m' }],
    ['an unknown kid', { kid: 'k2' }],
  ])('refuses %s', async (_name, changed: { aud?: string; exp?: string; kid?: string }) => {
    const { responder, key } = session;
    const audiences: Record<string, string> = { BASE: responder.baseUrl, SLASH: `${responder.tokenEndpoint}/` };
    const aud = audiences[changed.aud ?? ''] ?? responder.tokenEndpoint;
    const assertion = await signAssertion(responder, key, 'ES384', { ...changed, aud });
    expect(await errorOf(await requestToken(responder, assertion))).toEqual(invalidClient);
  });

  it('refuses a signature by another key', async () => {
    const { privateKey } = await generateKeyPair('ES384');
    const assertion = await signAssertion(session.responder, privateKey, 'ES384');
    expect(await errorOf(await requestToken(session.responder, assertion))).toEqual(invalidClient);
  });

  it('refuses the second use of a jti', async () => {
    const assertion = await signAssertion(session.responder, session.key, 'ES384');
    expect((await requestToken(session.responder, assertion)).status).toBe(200);
    expect(await errorOf(await requestToken(session.responder, assertion))).toEqual(invalidClient);
  });

  it('takes a secret by Basic and by form, with the extra members and parameters of a peer', async () => {
    const { responder } = session;
    responder.registerClient({ clientId: 'a b', clientSecret: 's:1' });
    responder.set({ token: { extraMembers: { memberId: '1326' }, requiredParams: { audience: null } } });
    const form = { grant_type: 'client_credentials', scope: 'system/*.read', audience: 'x' };
    const basic = `Basic ${Buffer.from('a+b:s%3A1').toString('base64')}`;
    const byBasic = await fetch(responder.tokenEndpoint, {
      method: 'POST',
      headers: { authorization: basic },
      body: new URLSearchParams(form),
    });
    expect(await byBasic.json()).toMatchObject({ memberId: '1326' });
    const credentials = { client_id: 'a b', client_secret: 's:1' };
    const byForm = await fetch(responder.tokenEndpoint, {
      method: 'POST',
      body: new URLSearchParams({ ...form, ...credentials, audience: '' }),
    });
    expect(await errorOf(byForm)).toEqual({ status: 400, error: 'invalid_request' });
  });

  it('answers 401 with WWW-Authenticate when a token is revoked', async () => {
    session.responder.revokeTokens();
    const answer = await post(session, 'Patient/$member-match', matchParameters());
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('invalid_token'),
    ]);
  });
});

describe('responder discovery', () => {
  it('is open and names the token endpoint and the operations', async () => {
    const { responder } = session;
    responder.set({ discovery: { operations: ['member-match'] } });
    const smart = await (await fetch(`${responder.baseUrl}/.well-known/smart-configuration`)).json();
    expect(smart).toMatchObject({ token_endpoint: responder.tokenEndpoint });
    const metadata = await (await fetch(`${responder.baseUrl}/metadata`)).text();
    expect(metadata).toContain('OperationDefinition/member-match');
    expect(metadata).not.toContain('patient-export');
  });
});

describe('responder $member-match', () => {
  it('answers a UMB and the Patient reference', async () => {
    const answer = await post(session, 'Patient/$member-match', matchParameters());
    expect(await answer.json()).toMatchObject({
      parameter: [
        { name: 'MemberIdentifier', valueIdentifier: { type: { coding: [{ code: 'UMB' }] }, value: 'UMB-M-1' } },
        { name: 'MemberId', valueReference: { reference: 'Patient/p1' } },
      ],
    });
  });

  it('leaves an identifier-only answer resolvable by search', async () => {
    session.responder.set({ match: { memberId: 'none' } });
    await post(session, 'Patient/$member-match', matchParameters());
    const asked = encodeURIComponent('http://responder.example/umb|UMB-M-1');
    const bundle = await (await get(session, `${session.responder.baseUrl}/Patient?identifier=${asked}`)).json();
    expect(bundle).toMatchObject({ total: 1, entry: [{ resource: { id: 'p1' } }] });
  });

  it.each([
    ['no match', 'not-found', { birthDate: '1974-12-26' }],
    ['no birth date', 'required', { birthDate: undefined }],
    ['references to another id', 'invalid', { id: '2' }],
  ])('answers 422 for %s', async (_name, code, patient) => {
    const MemberPatient = {
      resourceType: 'Patient',
      id: '1',
      name: [{ family: 'Person', given: ['A'] }],
      gender: 'female',
    };
    const changed = { MemberPatient: { ...MemberPatient, birthDate: '1974-12-25', ...patient } };
    expect(await issueCode(await post(session, 'Patient/$member-match', matchParameters(changed)))).toEqual([
      422,
      code,
    ]);
  });

  it('answers 422 for several matches', async () => {
    session.responder.setMember({ ...MEMBER, patientId: 'p1', lines: MEMBER.lines });
    const twin = MEMBER.lines.Patient.map((line) => line.replace('"p1"', '"p2"'));
    session.responder.setMember({ ...MEMBER, patientId: 'p2', lines: { Patient: twin } });
    const answer = await post(session, 'Patient/$member-match', matchParameters());
    expect(await issueCode(answer)).toEqual([422, 'multiple-matches']);
  });

  it('answers 422 without any id when the consent cannot be honoured', async () => {
    session.responder.set({ match: { segmentsSensitive: false } });
    const answer = await post(session, 'Patient/$member-match', matchParameters());
    const text = await answer.text();
    expect([answer.status, text]).toEqual([422, expect.stringContaining('business-rule')]);
    expect(text).not.toMatch(/p1|M-1/);
  });
});

describe('responder kick-off', () => {
  const kickOff = (parameters: unknown, prefer = 'respond-async'): Promise<Response> =>
    post(session, 'Patient/$export', parameters, { prefer });

  it('refuses a patient the client did not match', async () => {
    expect(await issueCode(await kickOff(exportParameters()))).toEqual([403, 'forbidden']);
  });

  it('is throttled the first times, with Retry-After', async () => {
    await post(session, 'Patient/$member-match', matchParameters());
    const retryAfter = { form: 'date', seconds: 60 } as const;
    session.responder.set({ kickOff: { failures: [{ times: 2, status: 429, retryAfter }] } });
    const first = await kickOff(exportParameters());
    const wait = Date.parse(first.headers.get('retry-after') ?? '') - Date.now();
    expect([first.status, Math.round(wait / 10_000)]).toEqual([429, 6]);
    expect((await kickOff(exportParameters())).status).toBe(429);
    expect((await kickOff(exportParameters())).status).toBe(202);
  });

  it('refuses an unsupported parameter unless handling is lenient', async () => {
    await post(session, 'Patient/$member-match', matchParameters());
    const parameters = exportParameters({ name: '_typeFilter', valueString: 'Observation?status=final' });
    expect(await issueCode(await kickOff(parameters))).toEqual([400, 'not-supported']);
    expect((await kickOff(parameters, 'respond-async, handling=lenient')).status).toBe(202);
  });

  it('needs Prefer: respond-async', async () => {
    await post(session, 'Patient/$member-match', matchParameters());
    expect(await issueCode(await kickOff(exportParameters(), 'return=minimal'))).toEqual([400, 'required']);
  });

  it('keeps the job when the answer is lost', async () => {
    await post(session, 'Patient/$member-match', matchParameters());
    session.responder.set({ kickOff: { loseAnswers: 1 } });
    await expect(kickOff(exportParameters())).rejects.toThrow();
    expect(session.responder.jobs.size).toBe(1);
  });
});

describe('members from a directory', () => {
  it('takes the lines of one patient and the types without patients', async () => {
    const directory = new URL('../../fixtures/synthea-sample', import.meta.url).pathname;
    const member = await loadMemberFromDirectory({ directory, patientId: '725f8f12-a6c0-9937-1f8e-9fae43451a0a' });
    expect(Object.keys(member.lines)).toEqual(
      expect.arrayContaining(['Patient', 'Observation', 'Organization', 'Location']),
    );
  });
});
