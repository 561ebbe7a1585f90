import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Session } from './payer-session.ts';
import { openRichSession } from './retrieval-session.ts';

let session: Session;
beforeEach(async () => {
  session = await openRichSession({ discovery: { truthful: true } });
});
afterEach(() => session.responder.close());

interface Resource {
  type: string;
  interaction?: { code: string }[];
  searchParam?: { name: string }[];
  operation?: { name: string; definition: string }[];
}

interface Statement {
  rest: [{ resource: Resource[]; interaction?: { code: string }[]; operation?: { definition: string }[] }];
}

async function statement(): Promise<Statement['rest'][0]> {
  return ((await (await fetch(`${session.responder.baseUrl}/metadata`)).json()) as Statement).rest[0];
}

async function resource(type: string): Promise<Resource | undefined> {
  return (await statement()).resource.find((each) => each.type === type);
}

const definitions = async (type: string): Promise<(string | undefined)[] | undefined> =>
  (await resource(type))?.operation?.map(({ definition }) => definition.split('OperationDefinition/')[1]);

describe('a truthful CapabilityStatement', () => {
  it('names only what is on by default', async () => {
    expect(await definitions('Patient')).toEqual(['member-match', 'patient-export']);
    expect(await resource('Observation')).toEqual({ type: 'Observation', interaction: [{ code: 'read' }] });
    expect(await resource('Group')).toBeUndefined();
    expect((await statement()).interaction).toBeUndefined();
  });

  it('names every operation that is switched on', async () => {
    session.responder.set({
      everything: { enabled: true },
      kickOff: { instanceLevel: true, groupLevel: true, groups: true },
      batch: { enabled: true },
    });
    expect(await definitions('Patient')).toEqual([
      'member-match',
      'patient-export',
      'Patient-i-export',
      'Patient-everything',
    ]);
    expect(await resource('Group')).toMatchObject({
      searchParam: [{ name: 'member' }],
      operation: [{ name: 'export', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export' }],
    });
    expect((await statement()).interaction).toEqual([{ code: 'batch' }]);
  });

  it('names no export without a method, and the match where it is', async () => {
    session.responder.set({ kickOff: { get: false, post: false }, match: { path: '$member-match' } });
    expect(await definitions('Patient')).toBeUndefined();
    expect((await statement()).operation).toMatchObject([{ name: 'member-match' }]);
  });

  it('names the search parameters of each type', async () => {
    session.responder.set({ search: { enabled: true, types: ['Coverage', 'Practitioner'] } });
    const names = async (type: string): Promise<string[] | undefined> =>
      (await resource(type))?.searchParam?.map(({ name }) => name);
    expect(await names('Coverage')).toEqual(['_id', '_lastUpdated', 'beneficiary']);
    expect(await names('Practitioner')).toEqual(['_id', '_lastUpdated']);
    expect(await names('Observation')).toBeUndefined();
    expect(await names('Patient')).toEqual(['identifier']);
  });

  it('names no read that is refused', async () => {
    session.responder.set({ reads: { types: ['Coverage'] } });
    expect(await resource('Practitioner')).toEqual({ type: 'Practitioner' });
    expect(await resource('Coverage')).toEqual({ type: 'Coverage', interaction: [{ code: 'read' }] });
  });
});

describe('a CapabilityStatement that is hard to read', () => {
  it('is XML whatever is accepted', async () => {
    session.responder.set({ discovery: { capability: 'xml-only', oauthUrisInCapability: true } });
    const headers = { accept: 'application/fhir+json' };
    const answer = await fetch(`${session.responder.baseUrl}/metadata`, { headers });
    expect(answer.headers.get('content-type')).toBe('application/fhir+xml');
    const text = await answer.text();
    expect(text).toContain('<CapabilityStatement xmlns="http://hl7.org/fhir">');
    expect(text).toContain('oauth-uris"><extension url="token">');
  });

  it('is missing', async () => {
    session.responder.set({ discovery: { capability: 'missing' } });
    expect((await fetch(`${session.responder.baseUrl}/metadata`)).status).toBe(404);
  });
});
