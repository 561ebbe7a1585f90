import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase } from '../../support/environment.ts';
import { interruptedClient, noInterruption } from '../../support/interrupted-client.ts';
import type { Interruption } from '../../support/interrupted-client.ts';
import { randomFrom } from '../../support/random.ts';
import { asScheduled, receiveAll } from '../../support/requester/steps.ts';
import { differenceOf, storeContents } from '../../support/store-contents.ts';
import type { StoreContents } from '../../support/store-contents.ts';
import { prepareImport } from './prepared-import.ts';
import type { PreparedImport } from './prepared-import.ts';

const POINTS = 50;

/** The forms in which the payer hands out its files: each goes another way through download and import. */
const FORMS = [
  { gzip: false, wrap: 'none' },
  { gzip: true, wrap: 'none' },
  { gzip: false, wrap: 'binary' },
] as const;
type Form = (typeof FORMS)[number];

let prepared: PreparedImport;
const undisturbed = new Map<Form, { readonly statements: number; readonly contents: StoreContents }>();

beforeAll(async () => {
  prepared = await prepareImport();
  for (const form of FORMS) {
    const interruption = noInterruption();
    const { contents } = await runImport(form, interruption);
    undisturbed.set(form, { contents, statements: interruption.count });
  }
});

afterAll(() => prepared.close());

interface Run {
  readonly contents: StoreContents;
  /** Attempts that failed. */
  readonly failed: number;
}

/** The exchange from its manifest to its end, over a copy of the database; a step that failed is run again. */
async function runImport(form: Form, interruption: Interruption): Promise<Run> {
  prepared.responder.set({ files: form });
  const database = await createTestDatabase(prepared.template);
  const requester = prepared.outside.open(database.url, { Client: interruptedClient(interruption) });
  const afterwards = prepared.outside.open(database.url);
  let failures = 0;
  const begun = (abort: () => void): void => void (interruption.abort = abort);
  const failed = (): void => {
    failures += 1;
    interruption.lasting = false;
  };
  try {
    await receiveAll(requester, prepared.taskId, (activity) => asScheduled(activity, { begun, failed }));
    return { contents: await storeContents(afterwards.pool), failed: failures };
  } finally {
    await requester.close();
    await afterwards.close();
    await database.drop();
  }
}

it('has something of everything to lose', () => {
  const { contents = {}, statements = 0 } = undisturbed.get(FORMS[0]) ?? {};
  const held = Object.entries(contents).filter(([, rows]) => rows.length > 0);
  expect(held.map(([table]) => table).sort()).toEqual(
    Object.keys(contents)
      .filter((table) => !['slot', 'open_target', 'staged_ids'].includes(table))
      .sort(),
  );
  expect(contents['refused_line']).toHaveLength(5);
  expect(statements).toBeGreaterThan(POINTS);
});

it.each(Array.from({ length: POINTS }, (_, seed) => seed))(
  'an import that loses its connection and goes on leaves what an undisturbed one leaves (seed %i)',
  async (seed) => {
    const random = randomFrom(seed);
    const form = FORMS[seed % FORMS.length] ?? FORMS[0];
    const { statements = 0, contents = {} } = undisturbed.get(form) ?? {};
    const interruption: Interruption = {
      ...noInterruption(),
      // Each seed has its own part of the way.
      at: 1 + Math.floor(((seed + random()) / POINTS) * (statements - 2)),
      loses: (['statement', 'answer', 'activity'] as const)[Math.floor(random() * 2.5)] ?? 'statement',
      lasting: random() < 0.5,
    };
    const run = await runImport(form, interruption);
    expect(interruption.count).toBeGreaterThanOrEqual(interruption.at);
    if (interruption.loses !== 'activity') expect(run.failed).toBeGreaterThan(0);
    expect(differenceOf(contents, run.contents)).toEqual({});
  },
);

it.each(Array.from({ length: 12 }, (_, index) => index))(
  'an import whose process is gone around its publication leaves what an undisturbed one leaves (%i statements before the end)',
  async (before) => {
    const [form] = FORMS;
    const { statements = 0, contents = {} } = undisturbed.get(form) ?? {};
    const interruption: Interruption = {
      ...noInterruption(),
      ...{ at: statements - before, loses: 'answer', lasting: true },
    };
    const run = await runImport(form, interruption);
    expect(differenceOf(contents, run.contents)).toEqual({});
  },
);
