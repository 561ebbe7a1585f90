import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  begin,
  crashPayer,
  crashResponder,
  endOf,
  outcomeOf,
  usualBehaviour,
} from '../support/processes/crash-exchange.ts';
import { until } from '../support/processes/payer-process.ts';
import type { PayerProcess } from '../support/processes/payer-process.ts';
import type { Responder } from '../support/responder/responder.ts';

let responder: Responder;
let undisturbed: object;
let payer: PayerProcess;

beforeAll(async () => {
  responder = await crashResponder();
  usualBehaviour(responder);
  const calm = await crashPayer(responder);
  undisturbed = await outcomeOf(calm, await endOf(calm, await begin(calm, responder)));
  await calm.stop();
  calm.remove();
}, 120_000);

afterAll(() => responder.close());

beforeEach(async () => {
  usualBehaviour(responder);
  payer = await crashPayer(responder);
}, 60_000);

afterEach(async () => {
  await payer.stop();
  payer.remove();
}, 60_000);

const asked = (method: string, part: string): number =>
  responder.requests.filter((request) => request.method === method && request.path.includes(part)).length;

const importing = async (): Promise<boolean> => {
  const rows = await payer.query('SELECT 1 FROM exchange_file WHERE imported_offset > 0 AND NOT imported');
  return rows.length > 0;
};

describe('kill -9 of everything', () => {
  it('while polling: the exchange goes on, with no second match and no second kick-off', async () => {
    responder.set({ status: { pollsBeforeDone: 100_000, retryAfter: null } });
    const location = await begin(payer, responder);
    await until(() => asked('GET', 'job') > 0);
    await payer.killEverything();
    expect(payer.alive()).toEqual([]);
    responder.set({ status: { pollsBeforeDone: 0 } });
    await payer.start();
    const task = await endOf(payer, location);
    expect(await outcomeOf(payer, task)).toEqual(undisturbed);
    expect([asked('POST', '$member-match'), asked('POST', '$export')]).toEqual([1, 1]);
  }, 180_000);

  it('in the middle of a download: the store is that of an undisturbed run', async () => {
    responder.set({ files: { faults: { types: ['Condition'], drip: { bytesPerSecond: 600_000, times: 1 } } } });
    const location = await begin(payer, responder);
    await until(async () => (await payer.query("SELECT 1 FROM blob_chunk WHERE blob_id NOT LIKE '%kept'")).length > 0);
    await payer.killEverything();
    await payer.start();
    const task = await endOf(payer, location);
    expect(await outcomeOf(payer, task)).toEqual(undisturbed);
  }, 180_000);

  it('in the middle of an import: the store is that of an undisturbed run', async () => {
    const location = await begin(payer, responder);
    await until(importing);
    await payer.killEverything();
    await payer.start();
    const task = await endOf(payer, location);
    expect(await outcomeOf(payer, task)).toEqual(undisturbed);
  }, 180_000);
});

describe('kill -9 of the program alone', () => {
  it('leaves no server of its own behind, and the exchange goes on at the next start', async () => {
    const location = await begin(payer, responder);
    await until(importing);
    await payer.killProgram();
    await until(() => payer.alive().length === 0);
    await payer.start();
    expect(await outcomeOf(payer, await endOf(payer, location))).toEqual(undisturbed);
  }, 180_000);
});

describe('SIGTERM', () => {
  it('in the middle of an exchange ends with code 0 and no process left; the exchange goes on at the next start', async () => {
    const location = await begin(payer, responder);
    await until(importing);
    expect(await payer.stop()).toBe(0);
    expect(payer.alive()).toEqual([]);
    await payer.start();
    expect(await outcomeOf(payer, await endOf(payer, location))).toEqual(undisturbed);
  }, 180_000);
});
