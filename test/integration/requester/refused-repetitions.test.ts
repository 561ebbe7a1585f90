import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle } from 'fhir/r4.js';
import type { TestPayer } from '../../support/payer.ts';
import { every, OTHER_PATIENT, startRepeatingPayer } from '../../support/requester/repeating-payer.ts';
import type { RepeatingPayer } from '../../support/requester/repeating-payer.ts';
import { RESPONDING_ORGANIZATION } from '../../support/requester/requester.ts';
import { matchParameters } from '../../unit/support/payer-session.ts';

let repeating: RepeatingPayer;
let payer: TestPayer;
let deps: RepeatingPayer['deps'];

beforeAll(async () => {
  repeating = await startRepeatingPayer();
  ({ payer, deps } = repeating);
  // What is refused for its rhythm could be repeated otherwise.
  expect((await repeating.exchange(OTHER_PATIENT)).status).toBe('completed');
});

afterAll(() => repeating.stop());

describe('what cannot be repeated', () => {
  it('is an exchange whose request was at fault', async () => {
    const match = JSON.stringify(matchParameters()).replaceAll('1974-12-25', '1900-01-01').replaceAll('M-1', 'M-none');
    const task = await repeating.exchange(OTHER_PATIENT, JSON.parse(match) as object);
    expect([task.status, task.statusReason?.coding?.[0]?.code]).toEqual(['failed', 'member-not-matched']);
    expect((await repeating.repeat(task.id ?? '')).status).toBe(409);
  });

  it.each([
    ['a Task that is not there', 'nothing', every('P1D'), 404],
    ['an exchange without a rhythm', undefined, '{"resourceType":"Parameters"}', 400],
    ['an exchange until a day that has passed', undefined, every('P1D', '2020-01-01'), 422],
  ])('is %s', async (_what, taskId, body, status) => {
    const [entry] =
      (await payer.ask('GET', `Task?patient=${OTHER_PATIENT}&status=completed`)).json<Bundle>().entry ?? [];
    expect((await repeating.repeat(taskId ?? entry?.resource?.id ?? '', body)).status).toBe(status);
  });

  it('is an exchange whose consent has ended', async () => {
    const request = { matchParameters: JSON.stringify(matchParameters()).replace('2099-12-31', '2026-01-31') };
    const { taskId } = await deps.exchanges.open({
      ...{ payerPid: 1, organizationId: RESPONDING_ORGANIZATION, localPatientId: OTHER_PATIENT, warnings: [] },
      request: { ...request, exportEntries: [] },
    });
    expect([(await repeating.repeat(taskId)).status, await deps.repetitions.read(taskId)]).toEqual([422, undefined]);
    await payer.ask('POST', `Task/${taskId}/$cancel`);
  });

  it('may be ended all the same', async () => {
    const { id = '' } = await repeating.exchange(OTHER_PATIENT);
    expect((await repeating.endRepeat(id)).status).toBe(200);
    expect((await repeating.endRepeat('nothing')).status).toBe(404);
  });
});

describe('a partner', () => {
  it('repeats nothing and ends nothing', async () => {
    const authorization = `Bearer ${await payer.token('partner', 'secret-of-partner', 'system/*.rs')}`;
    for (const operation of ['$repeat', '$end-repeat']) {
      const answer = await payer.ask('POST', `Task/x/${operation}`, every('P1D'), { authorization });
      expect(answer.status).toBe(403);
    }
  });
});
