import { afterAll, beforeAll } from '@jest/globals';
import { Pool } from 'pg';
import type { FhirStore } from '../../store/fhir-store.ts';
import { createPostgresFhirStore } from '../../store/postgres/postgres-fhir-store.ts';
import { databaseSocket } from '../../store/postgres/reading-socket.ts';
import { createTestDatabase } from './environment.ts';
import type { TestDatabase } from './environment.ts';

/** The adapters that the contract tests of the FHIR store run against. */
export const adapters: readonly { readonly name: string; readonly create: (pool: Pool) => FhirStore }[] = [
  { name: 'postgres', create: createPostgresFhirStore },
];

export interface StoreUnderTest {
  readonly pool: Pool;
  readonly store: FhirStore;
}

/** A store of its own, over a database of its own, for the tests of the surrounding `describe`. */
export function useStore(create: (pool: Pool) => FhirStore): StoreUnderTest {
  let database: TestDatabase;
  let pool: Pool;
  let store: FhirStore;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new Pool({ connectionString: database.url, stream: databaseSocket });
    store = create(pool);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  return {
    get pool() {
      return pool;
    },
    get store() {
      return store;
    },
  };
}
