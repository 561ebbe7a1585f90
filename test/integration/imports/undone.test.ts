import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase } from '../../support/environment.ts';
import { interruptedClient, noInterruption } from '../../support/interrupted-client.ts';
import type { Interruption } from '../../support/interrupted-client.ts';
import { randomFrom } from '../../support/random.ts';
import type { DirectRequester } from '../../support/requester/direct-requester.ts';
import { MEMBER_REQUEST } from '../../support/requester/long-record.ts';
import {
  asScheduled,
  exchangeDirectly,
  importAll,
  receiveAll,
  undo,
  untilManifest,
} from '../../support/requester/steps.ts';
import type { Responder } from '../../support/responder/responder.ts';
import type { MemberInput } from '../../support/responder/state.ts';
import { allTables, differenceOf, storeContents } from '../../support/store-contents.ts';
import type { StoreContents } from '../../support/store-contents.ts';
import { prepareImport } from './prepared-import.ts';
import type { PreparedImport } from './prepared-import.ts';

const POINTS = 50;

let prepared: PreparedImport;
let before: StoreContents;
let statements: number;

beforeAll(async () => {
  prepared = await prepareImport(exchangeOthers);
  before = await overCopy((requester) => allTables(requester.pool, prepared.taskId));
  const interruption = noInterruption();
  await overCopy((requester) => untilPublication(requester), interruption);
  statements = interruption.count;
});

afterAll(() => prepared.close());

/** Of two other members: one exchange that is published, and one that has staged its records and is not. */
async function exchangeOthers(requester: DirectRequester, responder: Responder): Promise<void> {
  for (const id of ['p2', 'p3']) {
    const text = `{"resourceType":"Patient","id":"local-${id}"}`;
    await requester.fhir.write([{ kind: 'update', type: 'Patient', id: `local-${id}`, text }]);
    responder.setMember(otherMember(id));
  }
  await exchangeDirectly(requester, { localPatientId: 'local-p2', request: { member: { id: 'p2' } } });
  const staged = await untilManifest(requester, { localPatientId: 'local-p3', request: { member: { id: 'p3' } } });
  await importAll(requester, staged);
}

const otherMember = (patientId: string): MemberInput => ({
  ...{ patientId, memberId: `M-${patientId}` },
  lines: {
    Patient: [`{"resourceType":"Patient","id":"${patientId}","name":[{"family":"Other"}]}`],
    // A Practitioner of the same id, and an Observation of the same id, as the member's.
    Practitioner: ['{"resourceType":"Practitioner","id":"dr1","name":[{"family":"Another"}]}'],
    Observation: [`{"resourceType":"Observation","id":"o0","subject":{"reference":"Patient/${patientId}"}}`],
  },
});

async function overCopy<T>(
  use: (requester: DirectRequester) => Promise<T>,
  interruption: Interruption = noInterruption(),
): Promise<T> {
  const database = await createTestDatabase(prepared.template);
  const requester = prepared.outside.open(database.url, { Client: interruptedClient(interruption) });
  try {
    return await use(requester);
  } finally {
    await requester.close();
    await database.drop();
  }
}

/** Everything that can be undone: the last statement makes the records visible. */
async function untilPublication(
  requester: DirectRequester,
  run = <T>(activity: () => Promise<T>): Promise<T> => asScheduled(activity),
): Promise<void> {
  await importAll(requester, prepared.taskId, run);
  await run(() => requester.activities.publishImport(prepared.taskId));
}

describe('an exchange that is undone', () => {
  it.each(Array.from({ length: POINTS }, (_, seed) => seed))(
    'leaves the store of before, with what other exchanges brought (seed %i)',
    async (seed) => {
      const random = randomFrom(seed);
      const interruption: Interruption = {
        ...noInterruption(),
        at: 1 + Math.floor(((seed + random()) / POINTS) * (statements - 1)),
        loses: random() < 0.5 ? 'statement' : 'answer',
        lasting: random() < 0.5,
      };
      const after = await overCopy(async (requester) => {
        const failure = untilPublication(requester, (activity) => asScheduled(activity, { attempts: 1 }));
        await expect(failure).rejects.toThrow();
        // The steps of the undo have their own tries, and the first one may still find no connection.
        const failed = (): void => void (interruption.lasting = false);
        await asScheduled(() => requester.activities.removeImport(prepared.taskId), { failed });
        interruption.lasting = false;
        await undo(requester, prepared.taskId, 'import-failed');
        return allTables(requester.pool, prepared.taskId);
      }, interruption);
      expect(differenceOf(before, after)).toEqual({});
    },
  );

  it('is followed by one that brings what it would have brought', async () => {
    const { resource: undisturbed = [] } = await overCopy(async (requester) => {
      await receiveAll(requester, prepared.taskId);
      return storeContents(requester.pool);
    });
    const { resource: afterwards = [] } = await overCopy(async (requester) => {
      await importAll(requester, prepared.taskId);
      await undo(requester, prepared.taskId, 'cancelled');
      await exchangeDirectly(requester, MEMBER_REQUEST);
      return storeContents(requester.pool);
    });
    const received = (rows: readonly string[]): readonly string[] =>
      rows.filter((row) => !/^(?:Provenance|DocumentReference) /.test(row));
    expect(received(afterwards)).toEqual(received(undisturbed));
  });
});
