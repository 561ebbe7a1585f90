import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { exportScope } from '../../../activities/responder/export-scope.ts';
import { bulkClient, codeOf, idsOf } from '../../support/bulk-client.ts';
import type { BulkClient } from '../../support/bulk-client.ts';
import { createResource } from '../../support/records.ts';
import { loadMembers, matchBody, SENSITIVE } from '../../support/responding-members.ts';
import { startRespondingPayer } from '../../support/responding-payer.ts';
import type { RespondingPayer } from '../../support/responding-payer.ts';

let payer: RespondingPayer;

beforeAll(async () => {
  payer = await startRespondingPayer();
  await loadMembers(payer);
});

afterAll(() => payer.stop());

async function matched(clientId: string, options: Parameters<typeof matchBody>[0] = {}): Promise<BulkClient> {
  const client = await bulkClient(payer, clientId);
  const answer = await client.post('Patient/$member-match', matchBody(options));
  if (answer.status !== 200) throw new Error(`match: ${answer.status}`);
  return client;
}

/** All but Date. */
const REAL = [
  ...(['nextTick', 'queueMicrotask', 'hrtime', 'performance', 'setImmediate', 'clearImmediate'] as const),
  ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
];

const outcome = async (answer: Response): Promise<unknown> => [answer.status, await codeOf(answer)];
const WITHDRAWN = [403, 'consent-withdrawn'];

describe('a file that was written under a consent for sensitive data', () => {
  it('is closed by a newer consent for regular data, and opened by one that is as wide', async () => {
    const client = await matched('narrowing', { policy: 'sensitive' });
    const manifest = await client.exported('Patient/ann/$export?_type=Observation');
    expect(idsOf(await client.lines(manifest))).toContain(SENSITIVE);
    const url = manifest.output[0]?.url ?? '';
    await matched('narrowing');
    expect(await outcome(await client.get(url))).toEqual(WITHDRAWN);
    await matched('narrowing', { policy: 'sensitive' });
    expect((await client.get(url)).status).toBe(200);
  });

  it('is one of a member alone: a wider consent of another does not open it', async () => {
    const client = await matched('two-members', { policy: 'sensitive' });
    await matched('two-members', { given: 'Beth', number: 'M-beth', policy: 'sensitive' });
    const { output } = await client.exported('Patient/$export?_type=Patient');
    await matched('two-members', { given: 'Beth', number: 'M-beth', policy: 'regular' });
    expect(await outcome(await client.get(output[0]?.url ?? ''))).toEqual(WITHDRAWN);
  });
});

describe('a file that was written under a consent for regular data', () => {
  it('stays open under any consent in force', async () => {
    const client = await matched('widening');
    const { output } = await client.exported('Patient/ann/$export?_type=Patient');
    await matched('widening', { policy: 'sensitive' });
    expect((await client.get(output[0]?.url ?? '')).status).toBe(200);
  });
});

describe('a step of an export that takes long', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const scopeOf = async (clientId: string) => {
    const client = await matched(clientId);
    const status = await client.kickOff('Patient/ann/$export?_type=Patient');
    await client.complete(status);
    const members = [{ memberId: 'ann', patientIds: ['ann'] }];
    return exportScope(payer.deps, await payer.jobs.load(status.split('/').at(-1) ?? ''), members);
  };
  const later = (ms: number): void => {
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + ms);
  };

  it('asks for the consent again every two seconds', async () => {
    const scope = await scopeOf('long');
    await payer.matches.withdraw('ann', 'long');
    await scope.stillInForce();
    later(2000);
    await expect(scope.stillInForce()).rejects.toMatchObject({ code: 'consent-withdrawn' });
  });

  it('begins anew under a consent that replaced its own, and goes on under the same one posted again', async () => {
    const scope = await scopeOf('replacing');
    await matched('replacing');
    later(2000);
    await scope.stillInForce();
    await matched('replacing', { policy: 'sensitive' });
    later(4000);
    await expect(scope.stillInForce()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a consent that ends', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('ends a download that takes its time, and leaves no file that looks whole', async () => {
    const client = await matched('slow-reader');
    const scan = `{"resourceType":"Media","id":"scan","status":"completed","subject":{"reference":"Patient/ann"},"content":{"data":"${'QUJD'.repeat(8_000_000)}"}}`;
    await createResource(payer.fhir, scan);
    const { output } = await client.exported('Patient/ann/$export?_type=Media');
    const answer = await client.get(output[0]?.url ?? '', { 'accept-encoding': 'identity' });
    const reader = answer.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    await payer.matches.withdraw('ann', 'slow-reader');
    // Time alone is moved on: all that waits for something goes on as it does.
    jest.useFakeTimers({ now: Date.now() + 2000, doNotFake: REAL });
    const rest = async (): Promise<void> => {
      while ((await reader?.read())?.done === false);
    };
    await expect(rest()).rejects.toThrow();
  });

  it('closes all files of an export that names its member, those of other members as well', async () => {
    const client = await matched('named');
    await matched('named', { given: 'Beth', number: 'M-beth' });
    const { output } = await client.exported(
      'Patient/$export?patient=Patient/ann&patient=Patient/beth&_type=Observation',
    );
    expect(output.length).toBeGreaterThan(1);
    await payer.matches.withdraw('beth', 'named');
    for (const { url } of output) expect(await outcome(await client.get(url))).toEqual(WITHDRAWN);
  });

  it('closes the status of an export as well as its files', async () => {
    const client = await matched('ending');
    const status = await client.kickOff('Patient/ann/$export?_type=Patient');
    await client.complete(status);
    await payer.matches.withdraw('ann', 'ending');
    expect(await outcome(await client.get(status))).toEqual(WITHDRAWN);
  });

  it('ends an export that has not begun with its code, and leaves no file', async () => {
    const client = await matched('before');
    await payer.pause();
    const status = await client.kickOff('Patient/ann/$export');
    await payer.matches.withdraw('ann', 'before');
    await payer.resume();
    const id = status.split('/').at(-1) ?? '';
    while ((await payer.runs.state(id)) === 'running') await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await payer.jobs.load(id)).toMatchObject({ state: 'failed', reason: 'consent-withdrawn' });
    expect(await payer.jobs.files(id)).toEqual([]);
    expect(await outcome(await client.get(status))).toEqual(WITHDRAWN);
  });

  it('ends an export in the middle of what it writes', async () => {
    const client = await matched('during');
    const slow = Array.from(
      { length: 3000 },
      (_, n) =>
        `{"resourceType":"Condition","id":"slow-${n}","subject":{"reference":"Patient/ann"},"note":[{"text":"${'x'.repeat(2000)}"}]}`,
    );
    for (const text of slow) await createResource(payer.fhir, text);
    const status = await client.kickOff('Patient/ann/$export?_type=Condition');
    const id = status.split('/').at(-1) ?? '';
    // As soon as it runs; whether it stands in its scope or in a file, it must not come to its end.
    while ((await payer.jobs.load(id)).state !== 'running') await new Promise((resolve) => setTimeout(resolve, 5));
    await payer.matches.withdraw('ann', 'during');
    while ((await payer.runs.state(id)) === 'running') await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await payer.jobs.load(id)).toMatchObject({ state: 'failed', reason: 'consent-withdrawn' });
    expect(await payer.jobs.files(id)).toEqual([]);
  });
});
