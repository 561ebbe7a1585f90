import { describe, expect, it } from '@jest/globals';
import { readMatchAnswer } from '../../../fhir/match-answer.ts';
import type { PeerClient } from '../../../peer/fhir-client.ts';
import { matchBody, responderBench } from './responder-bench.ts';
import { failureOf } from './tiny-server.ts';

const bench = responderBench();

describe('a match at an independent server', () => {
  it.each(['valueIdentifier', 'valueId', 'echo'] as const)('answered as %s leads to the Patient', async (shape) => {
    bench.responder().set({ match: { shape, memberId: 'none' } });
    const peer = bench.client();
    const answer = readMatchAnswer(await peer.memberMatch(matchBody()));
    const identifier = answer.identifier ?? { value: '' };
    const id = answer.patientId ?? (await peer.readPatientByIdentifier(identifier)).id;
    expect(id).toBe('m1');
  });

  it.each(['relative', 'absolute'] as const)('with a %s reference needs no search', async (memberId) => {
    bench.responder().set({ match: { memberId } });
    expect(readMatchAnswer(await bench.client().memberMatch(matchBody()))).toMatchObject({ patientId: 'm1' });
  });

  it('of an unknown member says so', async () => {
    expect(await failureOf(bench.client().memberMatch(matchBody('Z9')))).toMatchObject({
      code: 'member-not-matched',
      status: 422,
    });
  });

  it('with a consent that cannot be kept says so', async () => {
    bench.responder().set({ match: { refuseConsent: true } });
    expect(await failureOf(bench.client().memberMatch(matchBody()))).toMatchObject({ code: 'consent-refused' });
  });

  it('that breaks off may be tried again', async () => {
    bench.responder().set({ match: { failures: [{ times: 1, status: 'disconnect' }] } });
    expect(await failureOf(bench.client().memberMatch(matchBody()))).toMatchObject({ code: 'peer-unreachable' });
  });
});

describe('an export at an independent server', () => {
  const started = async (peer: PeerClient, form: 'type-level' | 'instance-level' = 'type-level'): Promise<string> => {
    await peer.memberMatch(matchBody());
    const entries = ['{"name":"_type","valueString":"Patient,Coverage"}'];
    return (await peer.startExport({ form, patientId: 'm1', entries })).statusUrl;
  };

  it.each(['type-level', 'instance-level'] as const)('is kicked off at %s', async (form) => {
    bench.responder().set({ kickOff: { instanceLevel: true } });
    const peer = bench.client();
    expect(await peer.checkExport(await started(peer, form))).toMatchObject({ state: 'complete' });
    expect([...bench.responder().jobs.values()].map(({ patientIds }) => patientIds)).toEqual([['m1']]);
  });

  it('may have a relative Content-Location', async () => {
    bench.responder().set({ kickOff: { contentLocation: 'relative' } });
    const peer = bench.client();
    expect(await peer.checkExport(await started(peer))).toMatchObject({ state: 'complete' });
  });

  it('whose status is elsewhere is not polled, unless that is allowed', async () => {
    bench.responder().set({ kickOff: { contentLocation: 'other-origin' } });
    expect(await failureOf(started(bench.client()))).toMatchObject({ code: 'host-not-allowed' });
    expect(bench.responder().requests.filter(({ origin }) => origin === 'other')).toHaveLength(0);
    const peer = bench.client({ allowedHosts: [new URL(bench.responder().otherOrigin).host] });
    expect(await peer.checkExport(await started(peer))).toMatchObject({ state: 'complete' });
  });

  it.each([
    ['seconds', 120_000],
    ['date', 120_000],
  ] as const)('asks to wait by %s', async (form, wait) => {
    bench.responder().set({ status: { pollsBeforeDone: 1, progress: '30%', retryAfter: { form, seconds: 120 } } });
    const peer = bench.client();
    const statusUrl = await started(peer);
    const check = await peer.checkExport(statusUrl);
    expect(check).toMatchObject({ state: 'in-progress', progressPercent: 30 });
    const said = check.state === 'in-progress' ? (check.retryAfterMs ?? 0) : 0;
    expect(Math.abs(said - wait)).toBeLessThan(2000);
  });

  it('lives on behind a failed poll, and ends by a failed job', async () => {
    const failures = [
      { times: 1, status: 500 },
      { times: 1, status: 429, retryAfter: { form: 'seconds', seconds: 3 } },
      { times: 1, status: 502, body: 'html' },
    ] as const;
    const issue = { severity: 'error', code: 'processing', diagnostics: 'disk full' } as const;
    bench.responder().set({ status: { failures: structuredClone([...failures]), jobFails: { status: 500, issue } } });
    const peer = bench.client();
    const statusUrl = await started(peer);
    expect(await failureOf(peer.checkExport(statusUrl))).toMatchObject({ code: 'peer-unreachable' });
    expect(await failureOf(peer.checkExport(statusUrl))).toMatchObject({ code: 'peer-busy', retryAfterMs: 3000 });
    expect(await failureOf(peer.checkExport(statusUrl))).toMatchObject({ code: 'peer-unreachable' });
    expect(await failureOf(peer.checkExport(statusUrl))).toMatchObject({ code: 'export-failed' });
  });

  it('is gone after a DELETE, which may be repeated', async () => {
    const peer = bench.client();
    const statusUrl = await started(peer);
    await peer.deleteExport(statusUrl);
    await peer.deleteExport(statusUrl);
    expect(await failureOf(peer.checkExport(statusUrl))).toMatchObject({ code: 'export-expired' });
  });

  it('of a member that was not matched is refused', async () => {
    const start = bench.client().startExport({ form: 'type-level', patientId: 'm1', entries: [] });
    expect(await failureOf(start)).toMatchObject({ code: 'export-refused', status: 403 });
  });
});
