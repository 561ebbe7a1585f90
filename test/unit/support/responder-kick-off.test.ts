import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
import type { Manifest, Session } from './payer-session.ts';
import { issueOf } from './retrieval-session.ts';

const ASYNC = { prefer: 'respond-async' };
const NO_PARAMETERS = { resourceType: 'Parameters' };
const OTHER = '{"resourceType":"Patient","id":"p2","name":[{"family":"Other"}],"birthDate":"1990-01-01"}';

let session: Session;
beforeEach(async () => {
  session = await openSession('ES384', { status: { pollsBeforeDone: 0 } });
  session.responder.setMember({ patientId: 'p2', memberId: 'M-2', lines: { Patient: [OTHER] } });
  await post(session, 'Patient/$member-match', matchParameters());
});
afterEach(() => session.responder.close());

const kickOffByGet = (path: string): Promise<Response> => get(session, `${session.responder.baseUrl}/${path}`, ASYNC);
const kickOff = (path: string, parameters: unknown = NO_PARAMETERS): Promise<Response> =>
  post(session, path, parameters, ASYNC);

/** The Patient lines of the export that was started. */
async function exportedPatients(started: Response): Promise<string[]> {
  expect(started.status).toBe(202);
  const answer = await get(session, started.headers.get('content-location') ?? '');
  const manifest = (await answer.json()) as Manifest;
  const url = manifest.output.find(({ type }) => type === 'Patient')?.url ?? '';
  return (await (await get(session, url)).text()).trim().split('\n');
}

/** A new token of the same client. */
async function renewToken(): Promise<Record<string, unknown>> {
  const assertion = await signAssertion(session.responder, session.key, 'ES384');
  const answer = (await (await requestToken(session.responder, assertion)).json()) as Record<string, unknown>;
  session = { ...session, authorization: `Bearer ${String(answer['access_token'])}` };
  return answer;
}

describe('forms of a kick-off', () => {
  it('has POST off, or GET', async () => {
    session.responder.set({ kickOff: { post: false } });
    expect(await issueOf(await kickOff('Patient/$export'))).toMatchObject({ status: 405, code: 'not-supported' });
    expect((await kickOffByGet('Patient/$export')).status).toBe(202);
    session.responder.set({ kickOff: { post: true, get: false } });
    expect((await kickOffByGet('Patient/$export')).status).toBe(405);
    expect((await kickOff('Patient/$export')).status).toBe(202);
  });

  it.each([404, 405, 501, 400, 422])('refuses every form that is off with %i', async (status) => {
    session.responder.set({ kickOff: { unsupportedStatus: status, get: false, typeLevel: false } });
    const forms = [
      kickOff('Patient/$export'),
      kickOff('$export'),
      kickOff('Patient/p1/$export'),
      kickOffByGet('Group/group-p1/$export'),
    ];
    for (const answer of await Promise.all(forms))
      expect(await issueOf(answer)).toMatchObject({ status, code: 'not-supported' });
  });
});

describe('a Group of one', () => {
  const find = async (patientId: string): Promise<{ resource: { id: string; member: unknown[] } }[]> => {
    const answer = await get(session, `${session.responder.baseUrl}/Group?member=Patient/${patientId}`);
    return ((await answer.json()) as { entry?: { resource: { id: string; member: unknown[] } }[] }).entry ?? [];
  };

  it('is found by its member, read and exported', async () => {
    session.responder.set({ kickOff: { groups: true, groupLevel: true, typeLevel: false } });
    const [found] = await find('p1');
    expect(found?.resource.member).toEqual([{ entity: { reference: 'Patient/p1' } }]);
    const path = `Group/${found?.resource.id}`;
    const read = await get(session, `${session.responder.baseUrl}/${path}`);
    expect(await read.json()).toEqual(found?.resource);
    expect(await exportedPatients(await kickOff(`${path}/$export`))).toEqual(MEMBER.lines.Patient);
    expect(await exportedPatients(await kickOffByGet(`${path}/$export`))).toEqual(MEMBER.lines.Patient);
  });

  it('is neither found nor exported for a member that was not matched', async () => {
    session.responder.set({ kickOff: { groups: true, groupLevel: true } });
    expect(await find('p2')).toEqual([]);
    expect(await issueOf(await kickOff('Group/group-p2/$export'))).toMatchObject({ status: 403 });
    expect(await issueOf(await kickOff('Group/group-p9/$export'))).toMatchObject({ status: 404 });
  });

  it('holds another member too, unless it is asked for one', async () => {
    session.responder.set({ kickOff: { groups: true, groupLevel: true, groupMembers: 'several' } });
    expect((await find('p1'))[0]?.resource.member).toHaveLength(2);
    expect(await exportedPatients(await kickOff('Group/group-p1/$export'))).toEqual([...MEMBER.lines.Patient, OTHER]);
    const narrowed = await kickOff('Group/group-p1/$export', exportParameters());
    expect(await exportedPatients(narrowed)).toEqual(MEMBER.lines.Patient);
  });

  it('is not there until it is switched on', async () => {
    expect((await get(session, `${session.responder.baseUrl}/Group?member=Patient/p1`)).status).toBe(404);
    expect((await get(session, `${session.responder.baseUrl}/Group/group-p1`)).status).toBe(404);
  });
});

describe('a kick-off narrowed by the token', () => {
  beforeEach(() => session.responder.set({ kickOff: { tokenBound: true, requireMatch: false } }));

  it('exports the member the token names', async () => {
    session.responder.set({ token: { boundTo: 'p2' } });
    expect(await renewToken()).toMatchObject({ patient: 'p2' });
    expect(await exportedPatients(await kickOff('Patient/$export'))).toEqual([OTHER]);
  });

  it('refuses the patient parameter by name', async () => {
    session.responder.set({ token: { boundTo: 'p1' } });
    await renewToken();
    expect(await issueOf(await kickOff('Patient/$export', exportParameters()))).toEqual({
      status: 400,
      code: 'not-supported',
      diagnostics: 'patient is not supported',
    });
  });

  it('exports nothing for a token that is bound to nobody', async () => {
    expect(await issueOf(await kickOff('Patient/$export'))).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('reads nothing of another member', async () => {
    session.responder.set({ token: { boundTo: 'p2' } });
    await renewToken();
    expect((await get(session, `${session.responder.baseUrl}/Patient/p1`)).status).toBe(404);
    expect((await get(session, `${session.responder.baseUrl}/Patient/p2`)).status).toBe(200);
  });
});

describe('a refused parameter', () => {
  const refused = exportParameters(
    { name: '_typeFilter', valueString: 'Observation?status=final' },
    { name: '_elements', valueString: 'id' },
  );

  it('is named in the diagnostics', async () => {
    const { diagnostics } = (await issueOf(await kickOff('Patient/$export', refused))) as { diagnostics: string };
    expect(diagnostics).toBe('_typeFilter, _elements are not supported');
  });

  it('is named in the expression alone', async () => {
    session.responder.set({ kickOff: { refusalStyle: 'expression' } });
    const answer = await kickOff('Patient/$export', refused);
    expect([answer.status, await answer.json()]).toEqual([
      400,
      {
        resourceType: 'OperationOutcome',
        issue: [
          {
            severity: 'error',
            code: 'not-supported',
            diagnostics: 'unsupported input',
            expression: ['_typeFilter', '_elements'],
          },
        ],
      },
    ]);
  });

  it('is not named at all', async () => {
    session.responder.set({ kickOff: { refusalStyle: 'bare' } });
    const answer = await kickOff('Patient/$export', refused);
    expect([answer.status, await answer.text()]).toEqual([400, '']);
  });
});
