import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import type { FhirStore, StoredResource } from '../../store/fhir-store.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { createTestDatabase } from '../support/environment.ts';
import type { TestDatabase } from '../support/environment.ts';
import { randomFrom } from '../support/random.ts';
import { batchOf, collect, importRow, openExchange, versionKey } from '../support/records.ts';

let database: TestDatabase;
let pool: Pool;
let store: FhirStore;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 12 });
  store = createPostgresFhirStore(pool);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

const PATIENT = 'member';
const RECORDS_OF_AN_EXCHANGE = 7;

async function runImports(shared: string, seed: string, random: () => number, exchanges: number): Promise<void> {
  for (let number = 0; number < exchanges; number += 1) {
    const exchange = `${seed}-x${number}`;
    await openExchange(pool, exchange, exchange);
    for (let line = 0; line < RECORDS_OF_AN_EXCHANGE; line += 1) {
      // Every third record is one that other exchanges bring as well, each time changed.
      const id = line % 3 === 0 ? `${shared}-common-${line}` : `${exchange}-${line}`;
      await store.importBatch(batchOf(exchange, [importRow('Observation', id, PATIENT, `"note":"${exchange}"`)], line));
      await delay(random() * 4);
    }
    if (random() < 0.25) await store.removeImport(exchange);
    else await store.publish(exchange, undefined);
  }
}

async function runWrites(seed: string, random: () => number, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const id = `${seed}-n${Math.floor(random() * 6)}`;
    const text = `{"resourceType":"Condition","id":"${id}","subject":{"reference":"Patient/${PATIENT}"},"n":${number}}`;
    const remove = random() < 0.2 && (await store.read('Condition', id))?.deleted === false;
    await store.write([
      remove ? { kind: 'delete', type: 'Condition', id } : { kind: 'update', type: 'Condition', id, text },
    ]);
    await delay(random() * 3);
  }
}

/** Exports one after another, each since the instant of the one before, until `done`, and then once more. */
async function runExports(start: string, done: () => boolean): Promise<StoredResource[][]> {
  const files: StoredResource[][] = [];
  let since = start;
  for (let last = false; !last;) {
    last = done();
    const asOf = await store.freeze();
    files.push(await collect(store.memberCompartment({ patientIds: [PATIENT], since, asOf, includeDeleted: true })));
    since = asOf;
  }
  return files;
}

it.each([1, 2, 3, 4])(
  'a chain of exports misses and repeats nothing, however imports and writes fall between them (seed %i)',
  async (number) => {
    const seed = `s${number}`;
    const start = await store.freeze();
    const randoms = [1, 2, 3, 4, 5].map((actor) => randomFrom(number * 1000 + actor));
    const [a, b, c, d, e] = randoms as [() => number, () => number, () => number, () => number, () => number];
    let running = true;
    const exporters = [runExports(start, () => !running), runExports(start, () => !running)];
    await Promise.all([
      runImports(seed, `${seed}a`, a, 6),
      runImports(seed, `${seed}b`, b, 6),
      runImports(seed, `${seed}c`, c, 6),
      runWrites(seed, d, 60),
      runWrites(seed, e, 60),
    ]);
    running = false;
    const state = await collect(store.memberCompartment({ patientIds: [PATIENT], since: start, includeDeleted: true }));
    for (const files of await Promise.all(exporters)) {
      const versions = files.flat().map(versionKey);
      expect(new Set(versions).size).toBe(versions.length);
      const received = new Map(files.flat().map((resource) => [`${resource.type}/${resource.id}`, resource]));
      expect([...received.values()].map(versionKey).sort()).toEqual(state.map(versionKey).sort());
      expectWhole(files);
    }
  },
);

/** The records that only one exchange brings arrive in one export, all of them. */
function expectWhole(files: readonly (readonly StoredResource[])[]): void {
  const own = files.map((file) => {
    const counts = new Map<string, number>();
    for (const { exchangeId, id } of file) {
      if (exchangeId !== undefined && id.startsWith(exchangeId))
        counts.set(exchangeId, (counts.get(exchangeId) ?? 0) + 1);
    }
    return counts;
  });
  const whole = RECORDS_OF_AN_EXCHANGE - Math.ceil(RECORDS_OF_AN_EXCHANGE / 3);
  expect(own.flatMap((counts) => [...counts.values()]).every((count) => count === whole)).toBe(true);
}
