import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Behaviour, Patch } from '../../support/responder/options.ts';
import { matchParameters, openSession, post } from './payer-session.ts';
import type { Session } from './payer-session.ts';
import { issueOf } from './retrieval-session.ts';

let session: Session;
beforeEach(async () => {
  session = await openSession('ES384');
});
afterEach(() => session.responder.close());

interface Parameter {
  name: string;
  resource?: { resourceType: string; id?: string; identifier?: unknown[] };
}

const match = (parameters = matchParameters(), path = 'Patient/$member-match'): Promise<Response> =>
  post(session, path, parameters);

async function answered(patch: Patch<Behaviour['match']>): Promise<Parameter[]> {
  session.responder.set({ match: patch });
  return ((await (await match()).json()) as { parameter: Parameter[] }).parameter;
}

const reference = (name: string): unknown => ({ name, valueReference: { reference: 'Patient/p1' } });
const umb = expect.objectContaining({ type: { coding: [expect.objectContaining({ code: 'UMB' })] } });

describe('shapes of the answer', () => {
  it('has a reference as MemberIdentifier', async () => {
    expect(await answered({ shape: 'identifierReference' })).toEqual([
      reference('MemberIdentifier'),
      reference('MemberId'),
    ]);
    expect(await answered({ memberId: 'none' })).toEqual([reference('MemberIdentifier')]);
  });

  it('has MemberId alone', async () => {
    expect(await answered({ shape: 'memberIdReference' })).toEqual([reference('MemberId')]);
  });

  it("is this payer's Patient with a UMB, and the new coverage, by older names", async () => {
    const [patient, coverage, ...others] = await answered({ shape: 'patient' });
    expect([patient?.name, coverage?.name, others]).toEqual(['patient', 'newCoverage', []]);
    expect(patient?.resource).toMatchObject({ resourceType: 'Patient', id: 'p1' });
    expect(patient?.resource?.identifier).toContainEqual(umb);
    expect(coverage?.resource?.identifier).toEqual([expect.objectContaining({ value: 'N-1' })]);
  });

  it('is the submitted Patient with a UMB', async () => {
    const [patient, coverage] = await answered({ shape: 'memberPatient' });
    expect([patient?.name, coverage?.name]).toEqual(['MemberPatient', 'NewCoverage']);
    expect([patient?.resource?.id, patient?.resource?.identifier]).toEqual(['1', [umb]]);
  });
});

describe('forms of the answer', () => {
  it('is well-formed XML', async () => {
    session.responder.set({ match: { contentType: 'xml' } });
    const answer = await match();
    expect(answer.headers.get('content-type')).toContain('application/fhir+xml');
    const text = await answer.text();
    expect(text).toContain('<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="MemberIdentifier"/>');
    expect(text).toContain('<valueReference><reference value="Patient/p1"/></valueReference></parameter></Parameters>');
    const opened = [...text.matchAll(/<([A-Za-z]+)(?:\s[^<>]*?)?(?<!\/)>/g)].map(([, name]) => name);
    const closed = [...text.matchAll(/<\/([A-Za-z]+)>/g)].map(([, name]) => name);
    expect(opened.sort()).toEqual(closed.sort());
  });

  it('nests resources and escapes texts in XML', async () => {
    session.responder.set({ match: { contentType: 'xml', shape: 'echo', lenient: true } });
    const patient = {
      resourceType: 'Patient',
      id: '1',
      birthDate: '1974-12-25',
      name: [{ family: 'Person', text: '<&">' }],
    };
    const text = await (await match(matchParameters({ MemberPatient: patient }))).text();
    expect(text).toContain('<resource><Patient><id value="1"/>');
    expect(text).toContain('<text value="&lt;&amp;&quot;>"/>');
  });

  it('is JSON by another label', async () => {
    session.responder.set({ match: { contentType: 'text' } });
    const answer = await match();
    expect(answer.headers.get('content-type')).toBe('text/plain');
    expect(await answer.json()).toMatchObject({ resourceType: 'Parameters' });
  });

  it('is an HTML page with status 200', async () => {
    session.responder.set({ match: { contentType: 'html' } });
    const answer = await match();
    expect([answer.status, (await answer.text()).startsWith('<!DOCTYPE html>')]).toEqual([200, true]);
  });
});

describe('rules of the match', () => {
  it('is at another path alone', async () => {
    session.responder.set({ match: { path: '$member-match' } });
    expect((await match()).status).toBe(404);
    expect((await match(matchParameters(), '$member-match')).status).toBe(200);
  });

  it('refuses CoverageToLink, and does without', async () => {
    session.responder.set({ match: { coverageToLinkForbidden: true } });
    expect(await issueOf(await match())).toEqual({
      status: 422,
      code: 'not-supported',
      diagnostics: 'CoverageToLink is not supported',
    });
    expect((await match(matchParameters({ CoverageToLink: undefined }))).status).toBe(200);
  });

  it('accepts only the policies it is told', async () => {
    session.responder.set({ match: { policyUris: ['urn:policy'] } });
    expect(await issueOf(await match())).toMatchObject({ status: 422, code: 'invalid' });
    session.responder.set({
      match: {
        policyUris: ['urn:policy', 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular'],
      },
    });
    expect((await match()).status).toBe(200);
  });
});
