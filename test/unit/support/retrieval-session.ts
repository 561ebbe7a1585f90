import { expect } from '@jest/globals';
import type { Behaviour, Patch } from '../../support/responder/options.ts';
import type { MemberInput } from '../../support/responder/state.ts';
import { get, observation, openSession } from './payer-session.ts';
import type { Session } from './payer-session.ts';

export const PRACTITIONER = '{"resourceType":"Practitioner","id":"d1","active":true}';
export const COVERAGE =
  '{"resourceType":"Coverage","id":"c1","status":"active","beneficiary":{"reference":"Patient/p1"}}';
export const HELD_BACK = '{"resourceType":"Practitioner","id":"d2","active":true}';
export const DOCUMENT = Buffer.from('a document');

/** A member with records of its own, a practitioner, one more that is not exported, and two documents. */
export const RICH_MEMBER: MemberInput = {
  patientId: 'p1',
  memberId: 'M-1',
  lines: {
    Practitioner: [PRACTITIONER],
    Patient: ['{"resourceType":"Patient","id":"p1","name":[{"family":"Person"}],"birthDate":"1974-12-25"}'],
    Observation: Array.from({ length: 6 }, (_, n) => observation(n)),
    Coverage: [COVERAGE],
  },
  undelivered: {
    Practitioner: [HELD_BACK],
    Binary: [`{"resourceType":"Binary","id":"b1","contentType":"text/plain","data":"${DOCUMENT.toString('base64')}"}`],
  },
  attachments: { 'letter 1.txt': { contentType: 'text/plain', base64: DOCUMENT.toString('base64') } },
};

export async function openRichSession(behaviour: Patch<Behaviour> = {}): Promise<Session> {
  const session = await openSession('ES384', { kickOff: { requireMatch: false } });
  session.responder.set(behaviour);
  session.responder.setMember(RICH_MEMBER);
  return session;
}

export interface Bundle {
  type: string;
  total?: number;
  link: { relation: string; url: string }[];
  entry?: { fullUrl?: string; resource: { resourceType: string; id?: string }; search: { mode: string } }[];
}

export interface Walk {
  texts: string[];
  bundles: Bundle[];
}

/** Follows the next links to the end. */
export async function walk(session: Session, path: string): Promise<Walk> {
  const result: Walk = { texts: [], bundles: [] };
  let url: string | undefined = `${session.responder.baseUrl}/${path}`;
  while (url !== undefined) {
    const answer = await get(session, url);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    const bundle = JSON.parse(text) as Bundle;
    result.texts.push(text);
    result.bundles.push(bundle);
    const next = bundle.link.find(({ relation }) => relation === 'next')?.url;
    url = next === undefined ? undefined : new URL(next, url).href;
  }
  return result;
}

/** `mode Type/id` of every entry, page by page. */
export function outline({ bundles }: Walk): string[][] {
  return bundles.map(({ entry = [] }) =>
    entry.map(({ resource, search }) => [search.mode, resource.resourceType, resource.id ?? ''].join(' ').trim()),
  );
}

export async function issueOf(answer: Response): Promise<unknown> {
  const outcome = (await answer.json()) as { issue: { code: string; diagnostics: string }[] };
  return { status: answer.status, code: outcome.issue[0]?.code, diagnostics: outcome.issue[0]?.diagnostics };
}
